// A form is not sent when the login has ended in the meantime: what was typed and chosen stays on the page, which says
// what to do. After a new login in another tab the form has that session's token.
"use strict";

window.faSession = (() => {
  const PROBE = "/admin/jsi18n/"; // small, and for people who are logged in
  let hadEnded = false;

  const notice = () => {
    if (document.querySelector(".fa-ended")) return;
    const box = document.createElement("div");
    box.className = "fa-ended";
    box.setAttribute("role", "alert");
    const link = document.createElement("a");
    link.href = "/login/";
    link.target = "_blank";
    link.className = "fa-link";
    link.textContent = "Log in in another tab";
    box.append("Your session has ended. ", link, ", then save here again: nothing that you entered is lost.");
    document.getElementById("content").prepend(box);
    box.scrollIntoView({ block: "nearest" });
  };

  const renewToken = async () => {
    const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
    const token = page.querySelector("input[name=csrfmiddlewaretoken]")?.value;
    if (!token) return;
    for (const field of document.querySelectorAll("input[name=csrfmiddlewaretoken]")) field.value = token;
    document.querySelector(".fa-ended")?.remove();
    hadEnded = false;
  };

  /** Whether the session goes on. If not, the page says so; after a new login its forms work again. */
  const goesOn = async () => {
    let answer;
    try {
      answer = await fetch(PROBE, { redirect: "manual", cache: "no-store" });
    } catch {
      return true; // no connection: the browser says so itself
    }
    if (answer.type === "opaqueredirect") {
      hadEnded = true;
      notice();
      return false;
    }
    if (hadEnded) await renewToken();
    return true;
  };

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (form.method !== "post" || !form.closest("#content") || form.dataset.goesOn) return;
    event.preventDefault();
    const submitter = event.submitter;
    if (!(await goesOn())) return;
    form.dataset.goesOn = "yes";
    form.requestSubmit(submitter);
    delete form.dataset.goesOn;
  });

  return { goesOn };
})();
