/** How the picture looks, in the colours of the page. */

import type { StylesheetJson } from "cytoscape";

/** Return the value of a colour of the page as it is now, light or dark. */
function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

export function look(): StylesheetJson {
  const [text, muted, panel, accent] = ["text", "muted", "panel", "accent"].map(colour);
  const [line, treeLine, good, bad] = ["cable", "tree", "good", "bad"].map(colour);
  const ground = colour("ground");
  const font = "system-ui, Segoe UI, DejaVu Sans, sans-serif";
  const rules = [
    {
      selector: "node",
      style: {
        label: "data(label)",
        "font-family": font,
        "font-size": 12,
        color: text,
        "min-zoomed-font-size": 7,
        "text-valign": "center",
        "text-halign": "center",
        "background-color": panel,
        "border-color": treeLine,
        "border-width": 1.6,
        width: 46,
        height: 30,
        shape: "round-rectangle",
        "overlay-opacity": 0,
      },
    },
    {
      selector: "node[kind='station']",
      style: {
        shape: "ellipse",
        width: 14,
        height: 14,
        "background-color": muted,
        "border-width": 0,
        "font-size": 10,
        color: muted,
        "text-valign": "bottom",
        "text-margin-y": 3,
      },
    },
    {
      selector: "node[kind='segment']",
      style: { shape: "diamond", width: 26, height: 26, "font-size": 10, "text-valign": "bottom" },
    },
    {
      selector: "node[kind='xen_host']",
      style: {
        "background-color": accent,
        "background-opacity": 0.06,
        "border-color": accent,
        "border-style": "solid",
        "border-width": 1.2,
        "text-valign": "top",
        "text-margin-y": -4,
        padding: 22,
        "min-width": 110,
        "min-height": 60,
        "font-weight": 600,
      },
    },
    { selector: "node[kind='xen_host']:childless", style: { width: 110, height: 60 } },
    {
      selector: "node[kind='router']",
      style: { shape: "round-hexagon", width: 54, height: 34, "border-color": accent },
    },
    {
      selector: "node[!up]",
      style: { "border-style": "dashed", color: muted, "background-opacity": 0.4 },
    },
    {
      selector: "edge",
      style: {
        width: "data(width)",
        "line-color": line,
        "line-style": "dashed",
        "line-dash-pattern": [5, 4],
        "curve-style": "bezier",
        "control-point-step-size": 26,
        label: "data(label)",
        "font-family": font,
        "font-size": 10,
        color: text,
        "text-background-color": ground,
        "text-background-opacity": 0.9,
        "text-background-padding": "2px",
        "min-zoomed-font-size": 7,
        "overlay-opacity": 0,
      },
    },
    { selector: "edge[?tree]", style: { "line-style": "solid", "line-color": treeLine } },
    { selector: "edge[kind='access']", style: { "line-style": "solid", width: 1 } },
    { selector: "edge[kind='xen_link']", style: { "line-style": "dotted", "line-color": accent } },
    {
      selector: "edge[!whole]",
      style: { "target-arrow-shape": "triangle", "target-arrow-color": line },
    },
    { selector: ".dim", style: { opacity: 0.22 } },
    {
      selector: ".lit",
      style: { "underlay-color": accent, "underlay-opacity": 0.28, "underlay-padding": 5 },
    },
    {
      selector: ".planned",
      style: { "underlay-color": good, "underlay-opacity": 0.34, "underlay-padding": 6 },
    },
    {
      selector: "edge.cut",
      style: { "line-color": bad, "line-style": "dotted", label: "✕ cut", color: bad, width: 2.4 },
    },
    { selector: "node.cut", style: { "border-color": bad, "border-style": "dotted" } },
    {
      selector: ".selected",
      style: { "underlay-color": accent, "underlay-opacity": 0.45, "underlay-padding": 6 },
    },
    {
      selector: "node.selected[kind!='xen_host']",
      style: { "border-color": accent, "border-width": 2.6 },
    },
  ];
  return rules as unknown as StylesheetJson;
}
