// A challenge in front of the camera: what is asked for is shown step by step, frames are taken meanwhile, and the
// verdict is shown where the challenge was.
import { isPossible, open, still } from "./camera.js";
import { copyOf, send, shown } from "./requests.js";

const STEP = 2200; // milliseconds for each movement
const FRAME = 400; // between two frames
const WIDTH = 640;

const section = document.getElementById("challenge");
const form = document.querySelector("form[data-each]");
if (section && form) {
  const begin = section.querySelector("[data-begin]");
  const stage = section.querySelector(".stage");
  const video = stage.querySelector("video");
  const words = stage.querySelector(".instruction");
  const bar = stage.querySelector("progress");
  const outcome = section.querySelector(".outcome");
  const texts = section.querySelector("[data-ready]").dataset;
  const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

  const fields = () => {
    const body = new FormData();
    for (const name of ["csrfmiddlewaretoken", "for_client"]) body.append(name, form.elements[name].value);
    return body;
  };

  // Frames are taken until `isOver`.
  const film = async (body, isOver) => {
    while (!isOver()) {
      const began = performance.now();
      body.append("frames", await still(video, 0.85), "frame.jpg");
      await pause(Math.max(0, FRAME - (performance.now() - began)));
    }
  };

  const challenge = async () => {
    const started = await send(section.dataset.start, fields());
    if (started.status !== 200) return shown(started);
    const { frames, nonce, steps } = JSON.parse(started.text);
    const body = fields();
    body.append("nonce", nonce);
    words.textContent = texts.ready;
    await pause(1200);
    let isOver = false;
    const filming = film(body, () => isOver);
    for (const [number, step] of steps.entries()) {
      words.textContent = step.words;
      bar.value = (100 * number) / steps.length;
      await pause(STEP);
    }
    isOver = true;
    await filming;
    bar.value = 100;
    words.textContent = texts.judging;
    return shown(await send(frames, body));
  };

  begin.hidden = !isPossible();
  section.querySelector("[data-insecure]").hidden = isPossible();
  begin.addEventListener("click", async () => {
    begin.hidden = true;
    outcome.replaceChildren();
    let close = () => {};
    try {
      close = await open(video, { width: { ideal: WIDTH }, height: { ideal: 480 } });
    } catch {
      outcome.replaceChildren(copyOf("no-camera"));
      begin.hidden = false;
      return;
    }
    stage.hidden = false;
    try {
      outcome.replaceChildren(await challenge());
    } finally {
      close();
      stage.hidden = true;
      begin.hidden = false;
    }
  });
}
