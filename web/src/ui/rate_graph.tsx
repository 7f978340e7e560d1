/** Rates of the last 15 minutes: of a port as the controller kept them, of others as the page did. */

import { Fragment } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import type { History, PortRef } from "../api/types.ts";
import { HISTORY_SECONDS, type Sample } from "../model/history.ts";
import { portLabel, scaled } from "../model/naming.ts";
import { usePage, useWorld } from "./context.tsx";

const AGAIN_MS = 5_000;

/** A colour of the graph, and what has it. */
export type Way = readonly ["rx" | "tx", string];

const BOTH_WAYS: readonly Way[] = [
  ["rx", "received"],
  ["tx", "sent"],
];

export function RateGraph({ port }: { port: PortRef }) {
  const { client } = usePage();
  const { switches } = useWorld().network;
  const [data, setData] = useState<uPlot.AlignedData>([[], [], []]);
  const [absent, setAbsent] = useState<string | null>(null);
  useEffect(() => {
    const path = `/v1/stats/history?dpid=${port.dpid}&port_no=${port.port_no}&seconds=${HISTORY_SECONDS}`;
    const read = async () => {
      setData(dataOf((await client.get<History>(path)).body));
      setAbsent(null);
    };
    const again = () => void read().catch((error: Error) => setAbsent(error.message));
    again();
    const timer = setInterval(again, AGAIN_MS);
    return () => clearInterval(timer);
  }, [client, port.dpid, port.port_no]);
  return (
    <Graph of={`Port ${portLabel(port, switches)}`} data={data} absent={absent} ways={BOTH_WAYS} />
  );
}

/** The rates of an object that the page remembers itself; drawn again as often as `looked` changes. */
export function KeptGraph(props: { id: string; looked: unknown; ways?: readonly Way[] }) {
  const { id, looked, ways = BOTH_WAYS } = props;
  const { histories } = usePage();
  const data = useMemo(() => keptData(histories.of(id), performance.now() / 1000), [id, looked]);
  return <Graph of="As far as this page saw it" data={data} absent={null} ways={ways} />;
}

function Graph(props: {
  of: string;
  data: uPlot.AlignedData;
  absent: string | null;
  ways: readonly Way[];
}) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const isDark = useDark();
  useEffect(() => {
    if (box.current === null) return;
    plot.current = new uPlot(optionsOf(box.current.clientWidth || 300), props.data, box.current);
    return () => plot.current?.destroy();
  }, [isDark]);
  useEffect(() => plot.current?.setData(props.data), [props.data]);
  return (
    <figure class="graph">
      <figcaption>
        {props.of}, last 15 minutes, b/s:
        {props.ways.map(([kind, word], place) => (
          <Fragment key={kind}>
            {place > 0 && ","} <b class={kind}>{word}</b>
          </Fragment>
        ))}
      </figcaption>
      {props.absent !== null && <p class="note">{props.absent}</p>}
      <div ref={box} hidden={props.absent !== null} />
    </figure>
  );
}

/** Tell whether the page is dark just now: a graph has its colours from when it is made. */
function useDark(): boolean {
  const query = useMemo(() => matchMedia("(prefers-color-scheme: dark)"), []);
  const [isDark, setDark] = useState(query.matches);
  useEffect(() => {
    const change = () => setDark(query.matches);
    query.addEventListener("change", change);
    return () => query.removeEventListener("change", change);
  }, [query]);
  return isDark;
}

/** Return the columns of what the page remembers, as of `now` in seconds. */
export function keptData(samples: readonly Sample[], now: number): uPlot.AlignedData {
  return [
    samples.map((one) => (one.at - now) / 60),
    samples.map((one) => one.rx),
    samples.map((one) => one.tx),
  ];
}

/** Return the columns of the graph: minutes before now, received, sent. */
export function dataOf(history: History): uPlot.AlignedData {
  const one = history.ports[0];
  if (one === undefined) return [[], [], []];
  return [one.times.map((time) => time / 60), one.rx_bps, one.tx_bps];
}

function optionsOf(width: number): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const [muted, rx, tx, line] = ["muted", "accent", "good", "line"].map((name) =>
    style.getPropertyValue(`--${name}`).trim(),
  );
  const axis = {
    stroke: muted as string,
    grid: { stroke: line as string, width: 1 },
    ticks: { show: false },
  };
  return {
    width,
    height: 110,
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { time: false, range: [-15, 0] },
      y: { range: (_plot, _low, high) => [0, Math.max(high * 1.1, 1000)] },
    },
    axes: [
      {
        ...axis,
        size: 26,
        values: (_plot, values) => values.map((value) => (value === 0 ? "now" : `${value} min`)),
      },
      { ...axis, size: 58, values: (_plot, values) => values.map((value) => scaled(value)) },
    ],
    series: [{}, { stroke: rx as string, width: 1.6 }, { stroke: tx as string, width: 1.6 }],
  };
}
