// A photograph from the camera of this device, as a file. Resolves to null if the user changes their mind.

export const isPossible = () => Boolean(navigator.mediaDevices?.getUserMedia);

export const open = async (video, size = {}) => {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user", ...size }, audio: false });
  video.srcObject = stream;
  await video.play();
  return () => stream.getTracks().forEach((track) => track.stop());
};

export const still = (video, quality = 0.92) => {
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d").drawImage(video, 0, 0);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", quality));
};

export const photograph = async (dialog) => {
  const video = dialog.querySelector("video");
  dialog.showModal();
  let close = () => {};
  try {
    close = await open(video, { width: { ideal: 1280 } });
    const isTaken = await new Promise((resolve) => {
      dialog.querySelector("[data-shoot]").onclick = () => resolve(true);
      dialog.querySelector("[data-close]").onclick = () => resolve(false);
      dialog.onclose = () => resolve(false);
    });
    return isTaken ? new File([await still(video)], "camera.jpg", { type: "image/jpeg" }) : null;
  } finally {
    close();
    dialog.onclose = null;
    dialog.close();
  }
};
