// What programs call themselves, in short.

const BROWSERS = [
  ["Edg/", "Edge"],
  ["OPR/", "Opera"],
  ["Firefox/", "Firefox"],
  ["Chrome/", "Chrome"],
  ["Safari/", "Safari"],
];
const SYSTEMS = [
  ["Android", "Android"],
  ["iPhone", "iPhone"],
  ["iPad", "iPad"],
  ["Windows", "Windows"],
  ["Macintosh", "macOS"],
  ["CrOS", "ChromeOS"],
  ["Linux", "Linux"],
];
const SHORT = 40;

/** A User-Agent as people call it: "Firefox, Windows". */
export function programName(agent) {
  const browser = BROWSERS.find(([mark]) => agent.includes(mark))?.[1];
  if (!browser) return agent.slice(0, SHORT);
  const system = SYSTEMS.find(([mark]) => agent.includes(mark))?.[1];
  return system ? `${browser}, ${system}` : browser;
}
