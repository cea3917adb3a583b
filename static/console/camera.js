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
  const shoot = dialog.querySelector("[data-shoot]");
  const choice = new Promise((resolve) => {
    shoot.onclick = () => resolve(true);
    dialog.querySelector("[data-close]").onclick = () => resolve(false);
    dialog.onclose = () => resolve(false);
  });
  shoot.disabled = true;
  dialog.showModal();
  const opening = open(video, { width: { ideal: 1280 } });
  const ready = opening.then(() => {
    shoot.disabled = false;
    return choice;
  });
  try {
    const isTaken = await Promise.race([choice, ready]);
    return isTaken ? new File([await still(video)], "camera.jpg", { type: "image/jpeg" }) : null;
  } finally {
    opening.then((close) => close()).catch(() => {}); // also a camera that opens after the user has left
    dialog.onclose = null;
    dialog.close();
  }
};
