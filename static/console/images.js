// One screened image: zoom with buttons, wheel, double click and keys, drag what is near, and go to the neighbours.
// Without this script the picture is as wide as the page, and the stored file can be opened.
const CLOSEST = 12;

const zoomable = (viewer) => {
  const picture = viewer.querySelector(".picture");
  const [, , width, height] = picture.getAttribute("viewBox").split(" ").map(Number);
  let [x, y, zoom] = [0, 0, 1];

  const draw = () => {
    x = Math.min(Math.max(x, 0), width - width / zoom);
    y = Math.min(Math.max(y, 0), height - height / zoom);
    picture.setAttribute("viewBox", `${x} ${y} ${width / zoom} ${height / zoom}`);
    picture.classList.toggle("near", zoom > 1);
  };
  // The point of the picture below a place of the screen stays there.
  const zoomBy = (by, at) => {
    const next = by ? Math.min(Math.max(zoom * by, 1), CLOSEST) : 1;
    x = at.x - ((at.x - x) * zoom) / next;
    y = at.y - ((at.y - y) * zoom) / next;
    zoom = next;
    draw();
  };
  const middle = () => ({ x: x + width / zoom / 2, y: y + height / zoom / 2 });
  const place = (event) => new DOMPoint(event.clientX, event.clientY).matrixTransform(picture.getScreenCTM().inverse());

  viewer.querySelector("[data-zoom]").hidden = false;
  viewer.querySelectorAll("[data-by]").forEach((button) => (button.onclick = () => zoomBy(Number(button.dataset.by), middle())));
  picture.dataset.zoomable = "";
  picture.addEventListener("dblclick", (event) => zoomBy(zoom < CLOSEST ? 2 : 0, place(event)));
  picture.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey && zoom === 1 && event.deltaY > 0) return; // the page scrolls on
      event.preventDefault();
      zoomBy(event.deltaY < 0 ? 1.2 : 1 / 1.2, place(event));
    },
    { passive: false },
  );
  picture.addEventListener("pointerdown", (start) => {
    if (zoom === 1) return;
    const from = { x, y, scale: picture.getScreenCTM().a };
    picture.setPointerCapture(start.pointerId);
    picture.onpointermove = (event) => {
      x = from.x - (event.clientX - start.clientX) / from.scale;
      y = from.y - (event.clientY - start.clientY) / from.scale;
      draw();
    };
    picture.onpointerup = picture.onpointercancel = () => (picture.onpointermove = null);
  });
  return (by) => zoomBy(by, middle());
};

const viewer = document.querySelector("[data-viewer]");
const zoomBy = viewer ? zoomable(viewer) : () => {};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("input:not([type=checkbox]), select, textarea")) return;
  const rel = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
  if (rel) document.querySelector(`a[rel=${rel}]`)?.click();
  const by = { "+": 1.25, "-": 0.8, 0: 0 }[event.key];
  if (by !== undefined) zoomBy(by);
});
