/* Delegated events, so that swapped-in fragments need no set-up, and the page's one voice. */
export const on = (type, selector, act) =>
  document.addEventListener(type, (event) => {
    const hit = event.target.closest?.(selector);
    if (hit) act(hit, event);
  });

/** Says a sentence to screen readers through the status region of the layout. */
export const say = (text) => {
  const region = document.getElementById("said");
  if (!region) return;
  region.textContent = "";
  requestAnimationFrame(() => { region.textContent = text; });
};

/** A cookie for a year, for choices that the server should know while it renders. */
export const remember = (name, value) => {
  const secure = location.protocol === "https:" ? ";secure" : "";
  document.cookie = `${name}=${value};path=/;max-age=31536000;samesite=lax${secure}`;
};

export const recall = (name) =>
  document.cookie.split("; ").find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";
