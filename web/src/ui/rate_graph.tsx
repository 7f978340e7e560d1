/** The rates of the last 15 minutes of a port, as the controller kept them. */

import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import type { History, PortRef } from "../api/types.ts";
import { scaled } from "../model/naming.ts";
import { usePage } from "./context.tsx";

const SECONDS = 900;
const AGAIN_MS = 5_000;

export function RateGraph({ port }: { port: PortRef }) {
  const { client } = usePage();
  const box = useRef<HTMLDivElement>(null);
  const [absent, setAbsent] = useState<string | null>(null);
  useEffect(() => {
    const holder = box.current;
    if (holder === null) return;
    let plot: uPlot | null = null;
    const path = `/v1/stats/history?dpid=${port.dpid}&port_no=${port.port_no}&seconds=${SECONDS}`;
    const read = async () => {
      const { body } = await client.get<History>(path);
      const data = dataOf(body);
      if (plot === null) plot = new uPlot(optionsOf(holder.clientWidth || 300), data, holder);
      else plot.setData(data);
    };
    const again = () => void read().catch((error: Error) => setAbsent(error.message));
    again();
    const timer = setInterval(again, AGAIN_MS);
    return () => {
      clearInterval(timer);
      plot?.destroy();
    };
  }, [client, port.dpid, port.port_no]);
  return (
    <figure class="graph">
      <figcaption>
        Port {port.port_no}, last 15 minutes: <b class="rx">received</b>, <b class="tx">sent</b>
      </figcaption>
      {absent === null ? <div ref={box} /> : <p class="note">{absent}</p>}
    </figure>
  );
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
    height: 130,
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { time: false, range: [-15, 0] },
      y: { range: (_plot, _low, high) => [0, Math.max(high * 1.1, 1000)] },
    },
    axes: [
      {
        ...axis,
        values: (_plot, values) => values.map((value) => (value === 0 ? "now" : `${value} min`)),
      },
      { ...axis, size: 58, values: (_plot, values) => values.map((value) => scaled(value)) },
    ],
    series: [{}, { stroke: rx as string, width: 1.6 }, { stroke: tx as string, width: 1.6 }],
  };
}
