(() => {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const main = document.querySelector("main");
  const sections = [...document.querySelectorAll("section")];
  const find = document.getElementById("find");
  const sort = document.getElementById("sort");
  const only = [...document.querySelectorAll("[data-only]")];
  const count = document.getElementById("count");
  const none = document.getElementById("none");
  const pause = document.getElementById("pause");
  const TINY = 96, ENLARGED = 3; // pixels across, times: such pictures are clearer with hard edges
  let paused = still;

  // Only clips in view have a source: hundreds of players at once would stall any browser.
  const eye = new IntersectionObserver((entries) => {
    for (const entry of entries) (entry.isIntersecting ? show : hide)(entry.target);
  }, { rootMargin: "160px" });

  function show(video) {
    if (video.hasAttribute("src")) return;
    video.preload = "auto";
    video.controls = still;
    video.src = video.dataset.src;
    if (!paused) play(video);
  }

  function hide(video) {
    if (!video.hasAttribute("src")) return;
    video.pause();
    video.removeAttribute("src");
    video.load();
  }

  function play(video) {
    video.play().catch(() => {});
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

  function begin({ target: video }) {
    const times = video.clientWidth * devicePixelRatio / video.videoWidth;
    video.classList.toggle("tiny", video.videoWidth <= TINY && times >= ENLARGED);
    if (Number(video.dataset.from)) video.currentTime = video.dataset.from;
  }

  // Of a long clip, the window that was used plays, over and over.
  function stay({ target: video }) {
    const { from, to } = video.dataset;
    if (!video.seekable.length || video.seekable.end(0) <= from) return; // a server without ranges
    if (video.currentTime >= Number(to) || video.currentTime < from - 0.1) video.currentTime = from;
  }

  function watch(part) {
    for (const video of part.querySelectorAll("video")) {
      video.muted = true;
      video.addEventListener("error", gone);
      video.addEventListener("loadedmetadata", begin);
      if (video.dataset.to) video.addEventListener("timeupdate", stay);
      eye.observe(video);
    }
  }

  // Of a long page, what a section holds is laid out when it is nearly in view.
  const filler = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const held = isIntersecting && target.querySelector("template");
      if (!held) continue;
      filler.unobserve(target);
      held.replaceWith(held.content);
      watch(target);
    }
  }, { rootMargin: "600px" });

  watch(document);
  for (const section of sections) if (section.querySelector("template")) filler.observe(section);

  function rest(now) {
    paused = now;
    pause.setAttribute("aria-pressed", paused);
    for (const video of document.querySelectorAll("video[src]")) paused ? video.pause() : play(video);
  }

  const texts = new Map();
  function text(section) {
    if (!texts.has(section)) texts.set(section, section.textContent.toLowerCase());
    return texts.get(section);
  }

  function filter() {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = only.filter((box) => box.checked).map((box) => box.dataset.only);
    let left = 0;
    for (const section of sections) {
      const fits = words.every((word) => text(section).includes(word));
      section.hidden = !fits || !wanted.every((name) => name in section.dataset);
      left += !section.hidden;
    }
    const all = sections.length;
    const noun = main.dataset.of;
    count.value = (left === all ? "" : `${left} of `) + `${all} ${noun}${all === 1 ? "" : "s"}`;
    none.hidden = left > 0;
  }

  // By a number of each section, largest first; those without one last, in their own order.
  function order() {
    const rank = (section) => Number(section.dataset[sort.value] ?? -Infinity);
    const sorted = sort.value ? [...sections].sort((a, b) => rank(b) - rank(a) || 0) : sections;
    main.prepend(...sorted);
  }

  // A table's heading sorts its rows: the first click best first, the next one the other way.
  function rank(button) {
    const head = button.closest("th"), body = head.closest("table").tBodies[0];
    const falls = head.ariaSort ? head.ariaSort === "ascending" : head.dataset.better !== "lower";
    for (const other of head.parentElement.cells) other.ariaSort = null;
    head.ariaSort = falls ? "descending" : "ascending";
    const value = (row) => row.cells[head.cellIndex].dataset.value;
    const rows = [...body.rows].sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      if (!x || !y) return !x - !y; // those without a value stay last
      const apart = isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y;
      return falls ? -apart : apart;
    });
    body.append(...rows);
  }

  find.addEventListener("input", filter);
  for (const box of only) box.addEventListener("change", filter);
  sort?.addEventListener("change", order);
  pause.addEventListener("click", () => rest(!paused));
  document.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !event.target.closest("input, select")) {
      event.preventDefault();
      find.focus();
    }
  });
  document.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-find], [data-copy], [data-rank]");
    if (!button) return;
    if ("rank" in button.dataset) return rank(button);
    if (button.dataset.copy) return copy(button);
    find.value = button.dataset.find;
    filter();
    scrollTo(0, document.querySelector("form").offsetTop);
  });

  async function copy(button) {
    await navigator.clipboard.writeText(button.dataset.copy).catch(() => prompt("", button.dataset.copy));
    button.classList.add("copied");
    setTimeout(() => button.classList.remove("copied"), 1500);
  }

  filter(); // a browser keeps what was typed when the page is loaded again
  if (sort?.value) order();
  if (paused) rest(true);
})();
