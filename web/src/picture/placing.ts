/** Where a node that has no place yet is put: beside its neighbours, and nobody else moves. Pure. */

import type { Position } from "../api/types.ts";

export interface Placed {
  id: string;
  /** Ids of nodes that it is to be near. */
  near: readonly string[];
  /** The distance that it keeps from others. */
  room: number;
  /** The distance that one of the others keeps, by its id. */
  roomOf?(other: string): number;
}

const TURNS = 16;
const RINGS = 12;

/** Return places for `wanted`, in the order of their ids, those first who know somebody placed. */
export function place(
  wanted: readonly Placed[],
  known: ReadonlyMap<string, Position>,
): Map<string, Position> {
  const taken = new Map(known);
  const made = new Map<string, Position>();
  let left = [...wanted].sort((one, other) => (one.id < other.id ? -1 : 1));
  while (left.length > 0) {
    const next = left.find((one) => one.near.some((id) => taken.has(id))) ?? left[0];
    if (next === undefined) break;
    const position = freeSpot(next, taken);
    taken.set(next.id, position);
    made.set(next.id, position);
    left = left.filter((one) => one !== next);
  }
  return made;
}

/** Return the nearest free spot around the middle of a node's neighbours, or right of everybody. */
function freeSpot(one: Placed, taken: ReadonlyMap<string, Position>): Position {
  const near = one.near.flatMap((id) => taken.get(id) ?? []);
  const middle = near.length > 0 ? centre(near) : beyond([...taken.values()], one.room);
  if (near.length !== 1 && isFree(middle, taken, one)) return rounded(middle);
  const first = hash(one.id) % TURNS;
  for (let ring = 1; ring <= RINGS; ring += 1) {
    for (let turn = 0; turn < TURNS; turn += 1) {
      const angle = ((first + turn) / TURNS) * 2 * Math.PI;
      const away = one.room * (0.9 + 0.5 * ring);
      const spot = { x: middle.x + away * Math.cos(angle), y: middle.y + away * Math.sin(angle) };
      if (isFree(spot, taken, one)) return rounded(spot);
    }
  }
  return rounded(middle);
}

function isFree(spot: Position, taken: ReadonlyMap<string, Position>, one: Placed): boolean {
  for (const [id, other] of taken) {
    const room = Math.max(one.room, one.roomOf?.(id) ?? 0);
    if (Math.hypot(other.x - spot.x, other.y - spot.y) < room) return false;
  }
  return true;
}

function centre(spots: readonly Position[]): Position {
  const sum = spots.reduce((a, b) => ({ x: a.x + b.x, y: a.y + b.y }), { x: 0, y: 0 });
  return { x: sum.x / spots.length, y: sum.y / spots.length };
}

function beyond(spots: readonly Position[], room: number): Position {
  if (spots.length === 0) return { x: 0, y: 0 };
  const right = Math.max(...spots.map((one) => one.x));
  return { x: right + 2 * room, y: centre(spots).y };
}

function rounded({ x, y }: Position): Position {
  return { x: Math.round(x * 100) / 100, y: Math.round(y * 100) / 100 };
}

/** Return a number that depends on a text only (FNV-1a). */
export function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) {
    value = Math.imul(value ^ text.charCodeAt(at), 0x01000193) >>> 0;
  }
  return value;
}

/** Return a source of numbers from 0 to 1 that is the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
