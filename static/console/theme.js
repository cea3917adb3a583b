// The menu of the account, and light or dark: the choice of the system or of this browser. In the head: nothing flickers.
"use strict";

(() => {
  const root = document.documentElement;
  const stored = () => {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null; // private windows may refuse
    }
  };
  if (stored()) root.dataset.theme = stored();
  const close = ({ target, key }) => {
    const menu = document.querySelector(".account[open]");
    if (menu && (key === "Escape" || !(key || menu.contains(target)))) menu.open = false;
  };
  for (const kind of ["click", "keydown"]) document.addEventListener(kind, close);
  document.addEventListener("DOMContentLoaded", () => {
    const control = document.querySelector("[data-theme-switch]");
    if (!control) return;
    control.hidden = false;
    control.addEventListener("click", () => {
      const isDark = (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
      root.dataset.theme = isDark ? "light" : "dark";
      try {
        localStorage.setItem("theme", root.dataset.theme);
      } catch {
        // for this page alone, then
      }
    });
  });
})();
