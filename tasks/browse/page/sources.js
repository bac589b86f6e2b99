// Where the grid's videos come from: pages of the catalogue, or the hits of a search.
import { api, post } from "./api.js";
import { choice, lastQuery, view } from "./store.js";

const PAGE = 60, PAGES_KEPT = 24; // a million rows are never here
const FIRST = 48, MOST = 600; // hits asked for at first, and at most

/** Videos in an order, page by page. */
export class Listing {
  constructor(signal) {
    this.signal = signal;
    this.pages = new Map();
    this.asked = new Map();
    this.total = 0;
    this.query = null;
  }

  async open() { await this.load(0); return this; }

  at(n) { return this.pages.get(Math.floor(n / PAGE))?.[n % PAGE]; }

  /** Loads what a window shows; whether there is something new to draw. */
  async ensure(first, last) {
    const wanted = [];
    for (let page = Math.floor(first / PAGE); page * PAGE < last; page += 1) if (!this.pages.has(page)) wanted.push(page);
    if (!wanted.length) return false;
    await Promise.all(wanted.map((page) => this.load(page)));
    return true;
  }

  async load(page) {
    if (!this.asked.has(page)) {
      const body = { ...choice(), sort: view.sort || null, descending: view.descending, offset: page * PAGE, limit: PAGE };
      this.asked.set(page, post(api(view.corpus, "videos"), body, this.signal).then((found) => {
        this.total = found.total;
        this.number = found.number;
        this.pages.set(page, found.videos);
        for (const old of this.pages.keys()) { if (this.pages.size <= PAGES_KEPT) break; if (old !== page) this.pages.delete(old); }
      }).finally(() => this.asked.delete(page)));
    }
    await this.asked.get(page);
  }
}

/** The hits of a search, best first; more are asked for as somebody scrolls. */
export class Hits {
  constructor(what, signal) {
    this.what = what;
    this.signal = signal;
    this.videos = [];
    this.k = FIRST;
    this.query = null;
  }

  get total() { return this.videos.length; }

  async open() { await this.load(); return this; }

  at(n) { return this.videos[n]; }

  async ensure(first, last) {
    const ended = this.videos.length < this.k || this.k >= MOST;
    if (ended || this.loading || last < this.videos.length - 6) return false;
    this.k = Math.min(MOST, this.k * 4);
    await this.load();
    return true;
  }

  async load() {
    this.loading = true;
    try {
      const found = await post(api(view.corpus, "search"), { ...choice(), ...this.what, moments: view.moments, k: this.k }, this.signal);
      this.query = lastQuery.name = found.query;
      this.videos = found.videos;
    } finally { this.loading = false; }
  }
}
