() => {
  // Finds what is hard to read (contrast under 4.5, WCAG 1.4.3), too small for a finger (44 px, 2.5.5) or too wide.
  const TARGETS = "button, summary, select, textarea, .side a, a.button, input:not([type=checkbox]), label.check";
  const name = (element) => `${element.tagName} ${element.className} ${element.textContent.trim().slice(0, 30)}`;
  const parse = (text) => (text.match(/[0-9.]+/g) || []).map(Number);
  const channel = (value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  };
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const behind = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const [r, g, b, alpha = 1] = parse(getComputedStyle(each).backgroundColor);
      if (alpha > 0.99) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const faults = [];
  for (const element of document.querySelectorAll("body *")) {
    const box = element.getBoundingClientRect();
    const seen = element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
    if (!box.width || !box.height || !seen) continue;
    if (element.matches(".hidden, .hidden *, option, svg, svg *")) continue;
    const text = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (text || element.matches("input:not([type=checkbox]), select, textarea")) {
      const style = getComputedStyle(element);
      const [one, other] = [light(parse(style.color)), light(behind(element))].sort((a, b) => b - a);
      const ratio = (one + 0.05) / (other + 0.05);
      if (ratio < 4.5) faults.push(`contrast ${ratio.toFixed(2)}: ${name(element)}`);
    }
    if (element.matches(TARGETS) && box.height < 43.5) faults.push(`target ${box.height}: ${name(element)}`);
  }
  const width = document.documentElement.scrollWidth;
  if (width > innerWidth) faults.push(`wider than the screen: ${width}`);
  return faults;
}
