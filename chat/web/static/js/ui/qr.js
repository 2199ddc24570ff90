// QR codes, drawn from paths that the server makes.

import { siteApi } from "../core/siteapi.js";

const SVG = "http://www.w3.org/2000/svg";
const QUIET = 4; // modules around a code
const AT_ONCE = 100;

/** An SVG node for each of the texts. Raises ApiError. */
export async function qrCodes(texts) {
  const nodes = [];
  for (let start = 0; start < texts.length; start += AT_ONCE) {
    const { codes } = await siteApi.qr(texts.slice(start, start + AT_ONCE));
    nodes.push(...codes.map(draw));
  }
  return nodes;
}

function draw({ size, path }) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "qr");
  svg.setAttribute("viewBox", `${-QUIET} ${-QUIET} ${size + 2 * QUIET} ${size + 2 * QUIET}`);
  svg.setAttribute("aria-hidden", "true");
  const dark = document.createElementNS(SVG, "path");
  dark.setAttribute("d", path);
  svg.append(dark);
  return svg;
}
