// Menus, and light or dark: the system's choice, unless this browser was told otherwise. In the head, so that nothing flickers.
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
  // Menus close when somebody goes on elsewhere.
  const close = (isMeant) => {
    for (const menu of document.querySelectorAll("details[data-closes][open]")) if (isMeant(menu)) menu.open = false;
  };
  document.addEventListener("click", ({ target }) => close((menu) => !menu.contains(target)));
  document.addEventListener("keydown", ({ key }) => key === "Escape" && close(() => true));
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
