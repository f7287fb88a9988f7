"""The other side of apps without a server: dossiers that people keep here, entries that wait, files that they fetch."""
