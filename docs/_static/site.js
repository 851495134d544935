// The arrows that unfold a part of the contents say what they unfold.
document.addEventListener("DOMContentLoaded", () => {
  for (const arrow of document.querySelectorAll(".bd-sidebar-primary summary")) {
    const part = arrow.closest("li").querySelector("a");
    arrow.setAttribute("aria-label", `Pages of ${part ? part.textContent.trim() : "this part"}`);
  }
});
