/* Progressive enhancement only: every page works without it. No eval, no inline handlers. */
import "./theme.js";
import "./copy.js";
import "./rows.js";
import "./keys.js";
import "./reconcile.js";
import "./swaps.js";
import "./drop.js";
import "./switcher.js";
import "./passkeys.js";
