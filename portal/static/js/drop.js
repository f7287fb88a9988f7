/* Several files at once: each is sent by itself with its own progress; the server answers rows of results.
   Without this module the same form sends all files in one go. */
import { on } from "./dom.js";

const row = (file) => {
  const item = document.createElement("li");
  item.className = "kp-drop-item";
  const name = document.createElement("span");
  name.className = "kp-drop-name";
  name.textContent = file.name;
  const bar = document.createElement("progress");
  bar.max = 100;
  bar.value = 0;
  const word = document.createElement("span");
  word.className = "kp-drop-what";
  item.append(name, bar, word);
  return { item, bar, word };
};

const stop = ({ item, bar, word }, text) => {
  bar.remove();
  word.textContent = text;
  item.classList.add("kp-drop-stop");
};

const send = (form, file, { item, bar, word }) =>
  new Promise((done) => {
    const body = new FormData();
    form.querySelectorAll("input[type=hidden],select,input[type=text]").forEach((f) => { if (f.name) body.append(f.name, f.value); });
    body.append(form.querySelector("input[type=file]").name, file, file.name);
    const call = new XMLHttpRequest();
    call.open("POST", form.action);
    call.setRequestHeader("HX-Request", "true");
    bar.setAttribute("aria-label", file.name);
    word.textContent = form.dataset.wordSending;
    call.upload.onprogress = (e) => { if (e.lengthComputable) bar.value = (e.loaded / e.total) * 100; };
    call.onload = () => {
      const home = call.getResponseHeader("HX-Redirect");
      if (home) { location.assign(home); return; }
      const found = new DOMParser().parseFromString(call.responseText, "text/html").querySelectorAll(".kp-drop-item");
      if (found.length) item.replaceWith(...found);
      else stop({ item, bar, word }, `${form.dataset.wordFailed} (${call.status})`);
      done();
    };
    call.onerror = () => { stop({ item, bar, word }, form.dataset.wordFailed); done(); };
    call.send(body);
  });

/** Told before it is sent: the server would break off a body beyond its limit, after minutes perhaps. */
const tooLarge = (form, file) => file.size > (Number(form.dataset.mostBytes) || Infinity);

const sendAll = async (form, files) => {
  const list = form.querySelector("[data-drop-list]");
  const waiting = [...files].map((file) => ({ file, shown: row(file) }));
  list.prepend(...waiting.map((one) => one.shown.item));
  for (const one of waiting) {
    if (tooLarge(form, one.file)) stop(one.shown, form.dataset.wordTooLarge);
    else await send(form, one.file, one.shown); // in order: statements chain
  }
  form.querySelector("input[type=file]").value = "";
  const said = document.getElementById("said");
  if (said) said.textContent = form.dataset.wordDone;
  window.htmx?.trigger(document.body, "kp:uploaded");
};

on("submit", "[data-drop]", (form, event) => {
  const { files } = form.querySelector("input[type=file]");
  if (!files.length) return;
  event.preventDefault();
  sendAll(form, files);
});
on("change", "[data-drop] input[type=file]", (field) => { if (field.files.length) field.form.requestSubmit(); });
on("dragover", "[data-drop]", (form, event) => { event.preventDefault(); form.classList.add("is-over"); });
on("dragleave", "[data-drop]", (form, event) => { if (!form.contains(event.relatedTarget)) form.classList.remove("is-over"); });
on("drop", "[data-drop]", (form, event) => {
  event.preventDefault();
  form.classList.remove("is-over");
  if (event.dataTransfer.files.length) sendAll(form, event.dataTransfer.files);
});
