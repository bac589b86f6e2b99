(() => {
  const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const main = document.querySelector("main");
  const sections = [...document.querySelectorAll("section")];
  const find = document.getElementById("find");
  const sort = document.getElementById("sort");
  const only = [...document.querySelectorAll("[data-only]")];
  const count = document.getElementById("count");
  const none = document.getElementById("none");
  const pause = document.getElementById("pause");
  // Videos of few pixels, shown much enlarged, are clearer with hard edges.
  const TINY_WIDTH = 96, ENLARGED = 3;
  let paused = reducedMotion;

  // Only videos in view have a source: hundreds of players at once would stall any browser.
  const playerObserver = new IntersectionObserver((entries) => {
    for (const entry of entries) (entry.isIntersecting ? attach : detach)(entry.target);
  }, { rootMargin: "160px" });

  function attach(video) {
    if (video.hasAttribute("src")) return;
    video.preload = "auto";
    video.controls = reducedMotion;
    video.src = video.dataset.src;
    if (!paused) play(video);
  }

  function detach(video) {
    if (!video.hasAttribute("src")) return;
    video.pause();
    video.removeAttribute("src");
    video.load();
  }

  function play(video) {
    video.play().catch(() => {});
  }

  function replaceUnplayable(event) {
    const video = event.target;
    if (!video.hasAttribute("src")) return; // removing a source raises an error too
    playerObserver.unobserve(video);
    const note = document.createElement("p");
    note.className = "absent";
    note.textContent = "this browser cannot play the video";
    video.replaceWith(note);
  }

  function startVideo({ target: video }) {
    const times = video.clientWidth * devicePixelRatio / video.videoWidth;
    video.classList.toggle("tiny", video.videoWidth <= TINY_WIDTH && times >= ENLARGED);
    if (Number(video.dataset.from)) video.currentTime = video.dataset.from;
  }

  // Of a long clip only the window that was used plays, in a loop.
  function loopWindow({ target: video }) {
    const { from, to } = video.dataset;
    if (!video.seekable.length || video.seekable.end(0) <= from) return; // a server without ranges
    if (video.currentTime >= Number(to) || video.currentTime < from - 0.1) video.currentTime = from;
  }

  function observeVideos(part) {
    for (const video of part.querySelectorAll("video")) {
      video.muted = true;
      video.addEventListener("error", replaceUnplayable);
      video.addEventListener("loadedmetadata", startVideo);
      if (video.dataset.to) video.addEventListener("timeupdate", loopWindow);
      playerObserver.observe(video);
    }
  }

  // Long pages keep each section in a template, and lay it out when it is nearly in view.
  const sectionObserver = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const template = isIntersecting && target.querySelector("template");
      if (!template) continue;
      sectionObserver.unobserve(target);
      template.replaceWith(template.content);
      observeVideos(target);
    }
  }, { rootMargin: "600px" });

  observeVideos(document);
  for (const section of sections) if (section.querySelector("template")) sectionObserver.observe(section);

  function setPaused(value) {
    paused = value;
    pause.setAttribute("aria-pressed", paused);
    for (const video of document.querySelectorAll("video[src]")) paused ? video.pause() : play(video);
  }

  const texts = new Map();
  function sectionText(section) {
    if (!texts.has(section)) texts.set(section, section.textContent.toLowerCase());
    return texts.get(section);
  }

  function filter() {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    const required = only.filter((box) => box.checked).map((box) => box.dataset.only);
    let shown = 0;
    for (const section of sections) {
      const matches = words.every((word) => sectionText(section).includes(word));
      section.hidden = !matches || !required.every((name) => name in section.dataset);
      shown += !section.hidden;
    }
    const all = sections.length;
    const noun = main.dataset.noun;
    count.value = (shown === all ? "" : `${shown} of `) + `${all} ${noun}${all === 1 ? "" : "s"}`;
    none.hidden = shown > 0;
  }

  // Sorts by a number of each section, largest first; sections without one come last.
  function sortSections() {
    const rank = (section) => Number(section.dataset[sort.value] ?? -Infinity);
    const sorted = sort.value ? [...sections].sort((a, b) => rank(b) - rank(a) || 0) : sections;
    main.prepend(...sorted);
  }

  // A heading sorts the rows of its table: the first click best first, the next the other way.
  function sortRows(button) {
    const head = button.closest("th"), body = head.closest("table").tBodies[0];
    const falls = head.ariaSort ? head.ariaSort === "ascending" : head.dataset.better !== "lower";
    for (const other of head.parentElement.cells) other.ariaSort = null;
    head.ariaSort = falls ? "descending" : "ascending";
    const value = (row) => row.cells[head.cellIndex].dataset.value;
    const rows = [...body.rows].sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      if (!x || !y) return !x - !y; // rows without a value stay last
      const difference = isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y;
      return falls ? -difference : difference;
    });
    body.append(...rows);
  }

  // Two videos on top of each other, of which a slider shows the left part of one.
  function moveWipe({ target: slider }) {
    if (!("wipe" in slider.dataset)) return;
    slider.parentElement.querySelector(".wipe").style.setProperty("--at", `${slider.value}%`);
  }

  // The second follows the first: players that start alone drift apart.
  function followFirst({ target: video }) {
    const second = video.closest?.(".wipe") && video.nextElementSibling;
    if (second?.tagName !== "VIDEO" || !second.hasAttribute("src")) return;
    if (Math.abs(second.currentTime - video.currentTime) > 0.06) second.currentTime = video.currentTime;
  }

  document.addEventListener("input", moveWipe);
  document.addEventListener("timeupdate", followFirst, true);
  find.addEventListener("input", filter);
  for (const box of only) box.addEventListener("change", filter);
  sort?.addEventListener("change", sortSections);
  pause.addEventListener("click", () => setPaused(!paused));
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
    if ("rank" in button.dataset) return sortRows(button);
    if (button.dataset.copy) return copy(button);
    find.value = button.dataset.find;
    filter();
    scrollTo(0, document.querySelector("form").offsetTop);
  });

  async function copy(button) {
    const text = button.dataset.copy;
    // Pages over plain http have no clipboard: the text is shown to copy by hand.
    const written = navigator.clipboard?.writeText(text) ?? Promise.reject();
    await written.catch(() => prompt("Copy this command:", text));
    button.classList.add("copied");
    setTimeout(() => button.classList.remove("copied"), 1500);
  }

  filter(); // browsers keep what was typed when a page is reloaded
  if (sort?.value) sortSections();
  if (paused) setPaused(true);
})();
