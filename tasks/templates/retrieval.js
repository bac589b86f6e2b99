(() => {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const sections = [...document.querySelectorAll("section")];
  const find = document.getElementById("find");
  const misses = document.getElementById("misses");
  const count = document.getElementById("count");
  const none = document.getElementById("none");

  // Only clips in view have a source: hundreds of players at once would stall any browser.
  const eye = new IntersectionObserver((entries) => {
    for (const entry of entries) (entry.isIntersecting ? show : hide)(entry.target);
  }, { rootMargin: "160px" });

  function show(video) {
    if (video.hasAttribute("src")) return;
    video.preload = "auto";
    video.controls = still;
    video.src = video.dataset.src;
    if (!still) video.play().catch(() => {});
  }

  function hide(video) {
    if (!video.hasAttribute("src")) return;
    video.pause();
    video.removeAttribute("src");
    video.load();
  }

  function gone(event) {
    const video = event.target;
    if (!video.hasAttribute("src")) return;
    eye.unobserve(video);
    const said = document.createElement("p");
    said.className = "away";
    said.textContent = "this browser cannot play the clip";
    video.replaceWith(said);
  }

  for (const video of document.querySelectorAll("video")) {
    video.muted = true;
    video.addEventListener("error", gone);
    eye.observe(video);
  }

  const texts = new Map();
  function text(section) {
    if (!texts.has(section)) texts.set(section, section.textContent.toLowerCase());
    return texts.get(section);
  }

  function filter() {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    let left = 0;
    for (const section of sections) {
      const { right, shown } = section.dataset;
      const fits = words.every((word) => text(section).includes(word));
      section.hidden = !fits || (misses?.checked && right === shown);
      left += !section.hidden;
    }
    const all = sections.length;
    count.value = (left === all ? "" : `${left} of `) + `${all} prompt${all === 1 ? "" : "s"}`;
    none.hidden = left > 0;
  }

  find.addEventListener("input", filter);
  misses?.addEventListener("change", filter);
  document.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== find) {
      event.preventDefault();
      find.focus();
    }
  });
})();
