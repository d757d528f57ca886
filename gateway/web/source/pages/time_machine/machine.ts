/** Where one stands in a history, and how one moves along it: by hand, by keys, by playing, or with
 * the live end. One request is under way at a time; the last place asked for wins. */
import { computed, signal } from "@preact/signals";
import type { Problem } from "../../api/client";
import { problemOf } from "../../parts/panel";
import { Conflated, Past, timeText, type Axis, type Histories, type Moment } from "./history";

const SETTLE_MS = 140;
const FOLLOW_MS = 700;
const SILENCE_MS = 1000;
/** A silence of the log lasts no longer than this while it plays. */

export interface Speed {
  name: string;
  /** Commands a second; or of the log's own time, so many milliseconds a millisecond. */
  commands?: number;
  times?: number;
}

export const SPEEDS: readonly Speed[] = [
  ...[1, 5, 20, 100, 1000].map((commands) => ({ name: `${commands} command${commands > 1 ? "s" : ""}/s`, commands })),
  ...[0.5, 1, 2, 10, 60, 100, 1000].map((times) => ({ name: `${times}× time`, times })),
];

export class Machine {
  readonly past: Past;
  readonly histories = signal<Histories | null>(null);
  readonly partition = signal(0);
  readonly axis = signal<Axis>("command");
  readonly moment = signal<Moment | null>(null);
  /** The last moment that was shown with what it changed: what is slower follows this one. */
  readonly settled = signal<Moment | null>(null);
  readonly problem = signal<Problem | null>(null);
  readonly following = signal(false);
  readonly playing = signal(false);
  readonly speed = signal(1);
  readonly pin = signal<{ offset: number; at_ms: number } | null>(null);
  readonly busy = signal(false);
  /** What the story is of: a place, a key. Null: of the moment that is shown. */
  readonly story = signal<string | null>(null);
  readonly own = computed(() => this.histories.value?.partitions[this.partition.value] ?? null);

  private readonly requests = new Conflated();
  private settling = 0;
  private timer = 0;
  private played = { from_ms: 0, at_ms: 0, offset: 0, moved_ms: 0 };

  constructor(readonly system: string) {
    this.past = new Past(system);
  }

  async open(given: URLSearchParams): Promise<void> {
    try {
      const histories = await this.past.histories();
      const busiest = histories.partitions.reduce((one, other) => (other.commands > one.commands ? other : one));
      const asked = given.has("partition") ? Number(given.get("partition")) : busiest.partition;
      this.partition.value = histories.partitions[asked] === undefined ? busiest.partition : asked;
      this.histories.value = histories;
      if (given.get("axis") === "time") this.axis.value = "time";
      const pin = given.get("pin");
      if (pin !== null && /^\d+$/.test(pin)) this.pin.value = { offset: Number(pin), at_ms: 0 };
      const at = given.get("at");
      if (at === null || at === "end") this.follow();
      else this.go(at);
    } catch (error) {
      this.problem.value = problemOf(error);
    }
  }

  close(): void {
    clearTimeout(this.settling);
    clearTimeout(this.timer);
    this.timer = -1;
  }

  choose(partition: number): void {
    if (partition === this.partition.value) return;
    this.stop();
    this.partition.value = partition;
    this.moment.value = this.settled.value = this.pin.value = null;
    this.follow();
  }

  /** Go to a place: an offset, a time, `end`. */
  go(at: string, partition = this.partition.value): void {
    if (partition !== this.partition.value) this.choose(partition);
    this.leaveEnd();
    this.show({ at });
  }

  step(by: number): void {
    const here = this.moment.value;
    if (here === null) return;
    this.stop();
    this.leaveEnd();
    const wanted = Math.min(Math.max(here.command_offset + by, here.first), here.last);
    if (wanted === here.last && by > 0) this.follow();
    else this.show({ at: String(here.command_offset), by });
  }

  first(): void {
    const here = this.moment.value;
    if (here !== null) this.go(String(here.first));
  }

  /** Stand at the live end, and go with it. */
  follow(): void {
    this.stop();
    this.following.value = true;
    this.show({ at: "end" });
    this.again(FOLLOW_MS, () => {
      if (!this.following.value) return false;
      if (document.visibilityState === "visible") this.show({ at: "end" });
      return true;
    });
  }

  play(): void {
    const here = this.moment.value;
    if (here === null) return;
    this.leaveEnd();
    const offset = here.command_offset >= here.last ? here.first : here.command_offset;
    if (offset !== here.command_offset) this.show({ at: String(offset) });
    this.playing.value = true;
    this.rewind(offset, here.at_ms);
    this.again(0, () => this.tick());
  }

  stop(): void {
    this.playing.value = false;
  }

  toggle(): void {
    if (this.playing.value) this.stop();
    else this.play();
  }

  chooseSpeed(index: number): void {
    this.speed.value = index;
    const here = this.moment.value;
    if (here !== null) this.rewind(here.command_offset, here.at_ms);
  }

  togglePin(): void {
    const here = this.moment.value;
    if (here === null) return;
    const pinned = this.pin.value?.offset === here.command_offset;
    this.pin.value = pinned ? null : { offset: here.command_offset, at_ms: here.at_ms };
  }

  async find(text: string): Promise<boolean> {
    const here = this.moment.value;
    if (here === null) return false;
    this.busy.value = true;
    try {
      const found = await this.past.find(this.partition.value, text, here.command_offset);
      if (found.command_offset !== null) this.go(String(found.command_offset));
      return found.command_offset !== null;
    } catch (error) {
      this.problem.value = problemOf(error);
      return true;
    } finally {
      this.busy.value = false;
    }
  }

  private leaveEnd(): void {
    this.following.value = false;
  }

  private rewind(offset: number, at_ms: number): void {
    const now_ms = performance.now();
    this.played = { from_ms: now_ms, at_ms, offset, moved_ms: now_ms };
  }

  /** Where the play is by now. */
  private tick(): boolean {
    const here = this.moment.value;
    const speed = SPEEDS[this.speed.value];
    if (!this.playing.value || here === null || speed === undefined) return false;
    if (this.busy.value) return true;
    if (here.next === null) {
      this.follow();
      return false;
    }
    const now_ms = performance.now();
    const passed_ms = now_ms - this.played.from_ms;
    if (speed.commands !== undefined) {
      const offset = this.played.offset + Math.floor((passed_ms / 1000) * speed.commands);
      if (offset > here.command_offset) this.show({ at: String(Math.min(offset, here.last)) });
    } else if (now_ms - this.played.moved_ms > SILENCE_MS) {
      this.rewind(here.command_offset, here.at_ms);
      this.show({ at: String(here.command_offset), by: 1 }, (found) => this.rewind(found.command_offset, found.at_ms));
    } else {
      const at_ms = Math.floor(this.played.at_ms + passed_ms * (speed.times ?? 1));
      this.show({ at: timeText(at_ms) }, (found) => {
        if (found.command_offset !== here.command_offset) this.played.moved_ms = performance.now();
      });
    }
    return true;
  }

  private again(pause_ms: number, work: () => boolean): void {
    clearTimeout(this.timer);
    const turn = () => {
      if (this.timer === -1 || !work()) return;
      this.timer = window.setTimeout(turn, Math.max(pause_ms, 25));
    };
    this.timer = window.setTimeout(turn, pause_ms);
  }

  /** Ask for a moment; once one stays there, with what it changed. */
  private show(wanted: { at: string; by?: number }, then?: (found: Moment) => void): void {
    const partition = this.partition.value;
    this.requests.run(async () => {
      this.busy.value = true;
      try {
        const found = await this.past.moment(partition, { ...wanted, changes: false });
        if (partition !== this.partition.value) return;
        const before = this.moment.value;
        this.problem.value = null;
        if (before === null || before.command_offset !== found.command_offset || before.last !== found.last) {
          const same = before?.command_offset === found.command_offset && before.partition === found.partition;
          this.moment.value = same ? { ...found, changes: before.changes, digest: before.digest } : found;
          if (!same) this.settle();
        }
        then?.(found);
      } catch (error) {
        this.problem.value = problemOf(error);
        this.stop();
      } finally {
        this.busy.value = false;
      }
    });
  }

  private settle(): void {
    clearTimeout(this.settling);
    this.settling = window.setTimeout(() => {
      const here = this.moment.value;
      if (here === null) return;
      this.requests.run(async () => {
        try {
          const found = await this.past.moment(here.partition, { at: String(here.command_offset), changes: true });
          if (this.moment.value?.command_offset !== found.command_offset) return;
          if (this.partition.value !== found.partition) return;
          this.moment.value = this.settled.value = found;
        } catch (error) {
          this.problem.value = problemOf(error);
        }
      });
    }, SETTLE_MS);
  }
}
