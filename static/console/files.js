// Where photographs come from: chosen, dropped, pasted, or taken with the camera.
import { isPossible, photograph } from "./camera.js";
import { copyOf } from "./requests.js";

export const watch = (form, zone, take) => {
  form.classList.add("scripted");
  const input = zone.querySelector("input");
  input.addEventListener("change", () => take([...input.files], input));
  zone.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.classList.add("over");
  });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    take([...event.dataTransfer.files], input);
  });
  const button = zone.querySelector("[data-camera]");
  button.hidden = !isPossible();
  button.addEventListener("click", async () => {
    try {
      const taken = await photograph(document.getElementById("camera"));
      if (taken) take([taken], input);
    } catch {
      zone.after(copyOf("no-camera"));
    }
  });
};

export const watchPaste = (take) => {
  document.addEventListener("paste", (event) => {
    if (event.clipboardData?.files.length) take([...event.clipboardData.files]);
  });
};

export const filesOf = (list) => {
  const transfer = new DataTransfer();
  list.forEach((file) => transfer.items.add(file));
  return transfer.files;
};

export const showNames = (zone, files) => {
  const chosen = zone.querySelector(".chosen");
  chosen.hidden = !files.length;
  chosen.replaceChildren(...files.map((file) => Object.assign(document.createElement("li"), { textContent: file.name })));
};
