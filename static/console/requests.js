// Sending forms with files: with progress, with the token of a login that was renewed meanwhile, and with an answer for
// whatever goes wrong on the way. Nothing here throws away what the user has chosen.

const once = (url, body, onProgress) =>
  new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    request.setRequestHeader("HX-Request", "true");
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) onProgress((100 * event.loaded) / event.total);
    });
    const done = (status) =>
      resolve({ status, text: request.responseText, problem: request.getResponseHeader("X-Problem") || "" });
    request.addEventListener("load", () => {
      const isElsewhere = new URL(request.responseURL).pathname !== new URL(url, location).pathname;
      const isOurs = /^(text\/html|application\/json)/.test(request.getResponseHeader("Content-Type") || "");
      if (isElsewhere) resolve({ status: 401, text: "", problem: "elsewhere" });
      else if (!isOurs || (request.status !== 200 && !request.getResponseHeader("X-Problem"))) {
        resolve({ status: request.status, text: "", problem: "refused" });
      } else done(request.status);
    });
    for (const lost of ["error", "abort"]) request.addEventListener(lost, () => done(0));
    request.send(body);
  });

// After another login the page's token is worth nothing: take that of a fresh page, if it is for the same client.
const renewed = async (body) => {
  const response = await fetch(location.href, { headers: { Accept: "text/html" } });
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const token = page.querySelector("[name=csrfmiddlewaretoken]");
  const client = page.querySelector("[name=for_client]");
  if (!token || !client) return false;
  if (client.value !== body.get("for_client")) return "console.other_client";
  document.querySelectorAll("[name=csrfmiddlewaretoken]").forEach((field) => (field.value = token.value));
  body.set("csrfmiddlewaretoken", token.value);
  return true;
};

export const send = async (url, body, onProgress = () => {}) => {
  const answer = await once(url, body, onProgress);
  if (answer.problem !== "auth.csrf_failed") return answer;
  try {
    const outcome = await renewed(body);
    if (outcome === true) return await once(url, body, onProgress);
    return outcome ? { ...answer, problem: outcome } : answer;
  } catch {
    return { status: 0, text: "", problem: "" };
  }
};

const copyOf = (id) => document.getElementById(id).content.cloneNode(true);

// What is shown of an answer: our own words where the service could not be reached, otherwise its page part.
export const shown = ({ status, text, problem }) => {
  if (status === 0) return copyOf("lost");
  const ours = { "console.other_client": "other-client", elsewhere: "elsewhere", refused: "refused" }[problem];
  if (ours) return copyOf(ours);
  const part = document.createElement("template");
  part.innerHTML = text;
  return part.content;
};

export { copyOf };
