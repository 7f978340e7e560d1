/** All objects as a tree table: what the picture shows, for the keyboard and for search. */

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import {
  arranged,
  type Group,
  groupsOf,
  type Order,
  type Row,
  type SortKey,
} from "../model/rows.ts";
import { useView, useWorld } from "./context.tsx";

const ROW = 30;
const SPARE = 8;

type Line = { group: Group; open: boolean } | { row: Row };

const COLUMNS: [SortKey, string][] = [
  ["name", "Name"],
  ["state", "State"],
  ["detail", "Detail"],
];

export function ObjectTable({ choose }: { choose(id: string): void }) {
  const world = useWorld();
  const view = useView();
  const [text, setText] = useState("");
  const [order, setOrder] = useState<Order>({ key: "name", descending: false });
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const { network, loads, flows, slices, networks, xenHosts, domains } = world;
  const groups = useMemo(
    () => groupsOf(world),
    [network, loads, flows, slices, networks, xenHosts, domains],
  );
  const lines = useMemo(
    () => linesOf(arranged(groups, text, order), closed),
    [groups, text, order, closed],
  );
  const [at, setAt] = useState(0);
  const scroller = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const height = scroller.current?.clientHeight ?? 600;
  const first = Math.max(0, Math.floor(top / ROW) - SPARE);
  const shown = lines.slice(first, first + Math.ceil(height / ROW) + 2 * SPARE);

  useEffect(() => {
    const place = lines.findIndex((line) => "row" in line && line.row.id === view.selected);
    if (place >= 0) setAt(place);
  }, [view.selected]);
  useEffect(() => {
    const box = scroller.current;
    if (box === null) return;
    if (at * ROW < box.scrollTop) box.scrollTop = at * ROW;
    if ((at + 2) * ROW > box.scrollTop + box.clientHeight)
      box.scrollTop = (at + 2) * ROW - box.clientHeight;
  }, [at]);

  const toggle = (title: string) => {
    const next = new Set(closed);
    if (!next.delete(title)) next.add(title);
    setClosed(next);
  };
  const act = (line: Line | undefined) => {
    if (line === undefined) return;
    if ("row" in line) choose(line.row.id);
    else toggle(line.group.title);
  };
  const key = (event: KeyboardEvent) => {
    const step: Record<string, number> = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: 12,
      PageUp: -12,
      Home: -lines.length,
      End: lines.length,
    };
    const by = step[event.key];
    const line = lines[at];
    if (by !== undefined) setAt(Math.max(0, Math.min(lines.length - 1, at + by)));
    else if (event.key === "Enter" || event.key === " ") act(line);
    else if (event.key === "ArrowLeft" && line && "group" in line && line.open)
      toggle(line.group.title);
    else if (event.key === "ArrowRight" && line && "group" in line && !line.open)
      toggle(line.group.title);
    else return;
    event.preventDefault();
  };
  const sort = (column: SortKey) =>
    setOrder({ key: column, descending: order.key === column && !order.descending });

  return (
    <section class="objects" aria-label="Objects">
      <input
        id="filter"
        class="filter"
        type="search"
        placeholder="Filter by name, address, state…"
        aria-label="Filter objects"
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      {/* No table element: of thousands of rows those in sight alone are there. */}
      <div
        class="grid"
        role="treegrid"
        aria-label="Objects of the network"
        aria-rowcount={lines.length + 1}
        aria-activedescendant={shown.length > 0 ? `line-${at}` : undefined}
        tabIndex={0}
        onKeyDown={key}
        ref={scroller}
        onScroll={(event) => setTop(event.currentTarget.scrollTop)}
      >
        <div class="heads" role="rowgroup">
          <div class="row head" role="row" aria-rowindex={1}>
            {COLUMNS.map(([column, title]) => (
              <span
                key={column}
                role="columnheader"
                aria-sort={
                  order.key === column ? (order.descending ? "descending" : "ascending") : "none"
                }
              >
                <button type="button" tabIndex={-1} onClick={() => sort(column)}>
                  {title}
                  {order.key === column && (order.descending ? " ↓" : " ↑")}
                </button>
              </span>
            ))}
          </div>
        </div>
        <div class="rows" role="rowgroup">
          <div role="presentation" style={{ height: `${first * ROW}px` }} />
          {shown.map((line, place) => (
            <TableLine
              key={"row" in line ? line.row.id : line.group.title}
              line={line}
              place={first + place}
              active={first + place === at}
              selected={"row" in line && line.row.id === view.selected}
              act={() => {
                setAt(first + place);
                act(line);
              }}
            />
          ))}
          <div
            role="presentation"
            style={{ height: `${Math.max(0, lines.length - first - shown.length) * ROW}px` }}
          />
        </div>
      </div>
    </section>
  );
}

function TableLine(props: {
  line: Line;
  place: number;
  active: boolean;
  selected: boolean;
  act(): void;
}) {
  const { line } = props;
  const common = {
    id: `line-${props.place}`,
    role: "row" as const,
    "aria-rowindex": props.place + 2,
    onClick: props.act,
  };
  if ("group" in line) {
    const count = line.group.rows.filter((one) => one.level === 2).length;
    return (
      <div
        {...common}
        class={`row group ${props.active ? "active" : ""}`}
        aria-level={1}
        aria-expanded={line.open}
      >
        <span role="gridcell" aria-colspan={3}>
          {line.open ? "▾" : "▸"} {line.group.title}{" "}
          <small>{line.group.absent === null ? count : line.group.absent}</small>
        </span>
      </div>
    );
  }
  const { row } = line;
  const classes = `row ${props.active ? "active" : ""} ${props.selected ? "chosen" : ""}`;
  return (
    <div
      {...common}
      class={classes}
      aria-level={row.level}
      aria-selected={props.selected}
      data-id={row.id}
    >
      <span role="gridcell" class={`level${row.level}`} title={row.name}>
        {row.name}
      </span>
      <span role="gridcell">
        <i class={`dot ${tone(row.state)}`} aria-hidden="true" />
        {row.state}
      </span>
      <span role="gridcell" title={row.detail}>
        {row.detail}
      </span>
    </div>
  );
}

function linesOf(groups: readonly Group[], closed: ReadonlySet<string>): Line[] {
  return groups.flatMap((group): Line[] => {
    const open = !closed.has(group.title);
    return [{ group, open }, ...(open ? group.rows.map((row): Line => ({ row })) : [])];
  });
}

function tone(state: string): string {
  if (["connected", "active", "running", "enabled", "tree"].includes(state)) return "good";
  if (["away", "broken", "failed", "one way"].includes(state)) return "bad";
  return "calm";
}
