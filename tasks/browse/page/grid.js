// The grid: as many tiles as the window shows, whatever the number of videos.
import { api, post } from "./api.js";
import { spreadOf } from "./curve.js";
import { addCurve, drop, makeTile, stop } from "./tile.js";
import { view } from "./store.js";
import { setOrder } from "./selection.js";

const WIDTH = 236, AHEAD = 1.2; // pixels a tile, windows drawn beyond the visible one
const MAX_HEIGHT = 6e6; // pixels: browsers draw no taller element

/** Shows a source of videos: `{ total, at(n), ensure(first, last), query }`. */
export class Grid {
  constructor(node) {
    this.node = node;
    this.tiles = new Map();
    this.source = null;
    this.curves = new Map();
    this.virtual = 0;
    this.lastTop = 0;
    this.pending = false;
    this.onScroll = () => this.scrolled();
    addEventListener("scroll", this.onScroll, { passive: true });
    this.resizer = new ResizeObserver(() => this.layout());
    this.resizer.observe(node);
    this.onSelected = () => this.redraw();
    document.addEventListener("selected", this.onSelected);
    setOrder(() => [...this.tiles.keys()].sort((a, b) => a - b).map((n) => this.tiles.get(n).video));
  }

  close() {
    removeEventListener("scroll", this.onScroll);
    document.removeEventListener("selected", this.onSelected);
    this.resizer.disconnect();
    for (const tile of this.tiles.values()) drop(tile);
  }

  /** Shows another source, from its top unless `stay`. */
  show(source, stay = false) {
    this.source = source;
    if (!stay) { this.virtual = this.lastTop = 0; scrollTo(0, 0); this.curves.clear(); }
    this.redraw();
  }

  redraw() {
    for (const tile of this.tiles.values()) drop(tile);
    this.tiles.clear();
    this.layout();
  }

  layout() {
    if (!this.source) return;
    const wide = this.node.clientWidth;
    const gap = parseFloat(getComputedStyle(this.node).getPropertyValue("--gap")) || 14;
    this.columns = Math.max(2, Math.round(wide / (WIDTH + gap)));
    this.gap = gap;
    this.tileWidth = (wide - gap * (this.columns - 1)) / this.columns;
    this.rowHeight = Math.round(this.tileWidth / 1.6) + (this.source.query ? 112 : 84);
    this.real = Math.ceil(this.source.total / this.columns) * this.rowHeight;
    this.height = Math.min(this.real, MAX_HEIGHT);
    this.node.style.height = `${this.height}px`;
    for (const [n, tile] of this.tiles) this.place(n, tile);
    this.scrolled();
  }

  /** Where the window is in a grid that may be taller than any element. */
  offset() {
    const top = Math.max(0, scrollY - this.node.offsetTop), room = innerHeight;
    if (this.real <= this.height) return top;
    const moved = top - this.lastTop;
    this.lastTop = top;
    // Small steps are steps of the grid; a jump, as of the scroll bar, is a share of the whole.
    if (top <= 0) this.virtual = 0;
    else if (top >= this.height - room) this.virtual = this.real - room;
    else if (Math.abs(moved) < 2 * room) this.virtual += moved;
    else this.virtual = (top / (this.height - room)) * (this.real - room);
    this.virtual = Math.max(0, Math.min(this.real - room, this.virtual));
    return this.virtual;
  }

  scrolled() {
    if (!this.source || !this.rowHeight) return;
    this.at = this.offset();
    const ahead = innerHeight * AHEAD;
    const first = Math.max(0, Math.floor((this.at - ahead) / this.rowHeight)) * this.columns;
    const last = Math.min(this.source.total, Math.ceil((this.at + innerHeight + ahead) / this.rowHeight) * this.columns);
    this.first = first; this.last = last;
    for (const [n, tile] of this.tiles) {
      if (n < first || n >= last) { drop(tile); this.tiles.delete(n); }
    }
    this.fillIn();
    this.source.ensure(first, last).then((changed) => { if (changed) { this.layoutTotal(); this.fillIn(); } }).catch(() => {});
  }

  layoutTotal() {
    const real = Math.ceil(this.source.total / this.columns) * this.rowHeight;
    if (real !== this.real) this.layout();
  }

  fillIn() {
    for (let n = this.first; n < Math.min(this.last, this.source.total); n += 1) {
      const known = this.tiles.get(n), video = this.source.at(n);
      if (known || !video) { if (known) this.place(n, known); continue; }
      const tile = makeTile(video);
      this.tiles.set(n, tile);
      this.place(n, tile);
      this.node.append(tile.node);
    }
    if (this.source.query) this.askCurves();
  }

  place(n, tile) {
    const row = Math.floor(n / this.columns);
    const shift = this.real > this.height ? Math.max(0, scrollY - this.node.offsetTop) - (this.at ?? 0) : 0;
    tile.node.style.width = `${this.tileWidth}px`;
    tile.node.style.transform = `translate(${(n % this.columns) * (this.tileWidth + this.gap)}px, ${row * this.rowHeight + shift}px)`;
  }

  async askCurves() {
    const { query } = this.source;
    const shown = [...this.tiles.values()].filter((tile) => tile.node.isConnected);
    const missing = shown.filter((tile) => !this.curves.has(tile.video.id)).slice(0, 48);
    if (missing.length && !this.pending) {
      this.pending = true;
      try {
        for (const tile of missing) this.curves.set(tile.video.id, null); // asked for once
        const found = await post(api(view.corpus, "curves"), { query, ids: missing.map((tile) => tile.video.id) });
        for (const curve of found) this.curves.set(curve.id, curve);
      } catch { /* a search that the server has forgotten: the grid is as good without curves */ }
      this.pending = false;
      if (this.source.query === query) this.askCurves();
      return;
    }
    const spread = spreadOf([...this.curves.values()].filter(Boolean));
    for (const tile of shown) {
      const curve = this.curves.get(tile.video.id);
      if (curve && tile.drawn !== spread) { addCurve(tile, curve, spread); tile.drawn = spread; }
    }
  }
}
