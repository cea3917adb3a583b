// Each chosen photograph is checked at once, one after the other: the face that was found and its quality, or why the
// file cannot be used. Nothing is stored before the form is saved; without this script the form itself gives the answers.
"use strict";

(() => {
  const element = (tag, className, text = "") => {
    const node = document.createElement(tag);
    node.className = className;
    node.textContent = text;
    return node;
  };

  const overlay = (box) => {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    svg.setAttribute("class", "fa-boxes");
    svg.setAttribute("aria-hidden", "true");
    rect.setAttribute("class", "fa-face");
    rect.setAttribute("rx", "3");
    for (const [name, value] of Object.entries(box)) rect.setAttribute(name, value);
    svg.append(rect);
    return svg;
  };

  const card = (file) => {
    const item = element("li", "fa-card fa-checking");
    const stage = element("div", "fa-stage");
    const about = element("div", "fa-about");
    const verdict = element("p", "fa-words", "Looking for the face…");
    about.append(element("strong", "fa-filename", file.name), verdict);
    item.append(stage, about);
    return { item, stage, about, verdict };
  };

  const showFace = ({ item, stage, verdict }, file, answer) => {
    const frame = element("span", "fa-frame");
    const image = element("img", "fa-picture");
    image.src = answer.picture;
    image.alt = `Preview of ${file.name}, with the face that was found`;
    frame.append(image, overlay(answer.box));
    stage.replaceChildren(frame);
    const words = answer.quality.map(({ word, good }) => element("span", `fa-word ${good ? "fa-good" : "fa-poor"}`, word));
    verdict.replaceChildren(element("span", "fa-word fa-good", "face found"), ...words);
    item.className = "fa-card fa-taken";
  };

  const showRefusal = ({ item, stage, about, verdict }, message, certain) => {
    stage.replaceChildren(element("span", "fa-none", certain ? "not usable" : "not checked"));
    verdict.replaceChildren(message);
    verdict.className = "fa-refusal";
    if (certain) about.append(element("p", "fa-muted", "It is left out when you save."));
    item.className = "fa-card fa-refused";
  };

  const check = async (input, file, view) => {
    if (!(await window.faSession.goesOn())) {
      showRefusal(view, "Not checked: your session has ended. You can still save after a new login.", false);
      return;
    }
    const body = new FormData();
    body.append("photograph", file);
    body.append("csrfmiddlewaretoken", input.form.elements.csrfmiddlewaretoken.value);
    try {
      const response = await fetch(input.dataset.check, { method: "POST", body });
      const answer = await response.json();
      if (response.ok) showFace(view, file, answer);
      else showRefusal(view, answer.error, response.status === 400);
    } catch {
      showRefusal(view, "The server did not answer. You can still save; each file is checked again then.", false);
    }
  };

  const watch = (input) => {
    input.hasChangeListener = true; // the theme's listener expects a text field beside every file field
    const list = element("ul", "fa-cards");
    list.setAttribute("aria-live", "polite");
    list.setAttribute("aria-label", "Chosen photographs");
    input.after(list);
    let round = 0;
    input.addEventListener("change", async () => {
      const current = ++round;
      const pairs = [...input.files].map((file) => [file, card(file)]);
      list.replaceChildren(...pairs.map(([, view]) => view.item));
      for (const [file, view] of pairs) {
        if (current !== round) return; // other files were chosen meanwhile
        await check(input, file, view);
      }
    });
  };

  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("input[data-check]").forEach(watch));
})();
