// Measures one page as it stands. Answers with a list of what is wrong, in words.
() => {
  const wrong = [];
  const shown = element => element.checkVisibility({ visibilityProperty: true });
  const all = selector => [...document.querySelectorAll(selector)].filter(shown);
  const named = element => {
    const text = (element.textContent || element.name || element.id).trim().slice(0, 30);
    return `<${element.tagName.toLowerCase()}> "${text}"`;
  };

  // Structure.
  if (!document.documentElement.lang) wrong.push("no lang");
  if (!document.title.trim()) wrong.push("no title");
  if (all("main").length !== 1) wrong.push(`${all("main").length} <main>`);
  const levels = all("h1,h2,h3,h4,h5,h6").map(heading => Number(heading.tagName[1]));
  if (levels.filter(level => level === 1).length !== 1) wrong.push(`headings ${levels}: not one h1`);
  levels.forEach((level, at) => {
    if (level > (at ? levels[at - 1] : 0) + 1) wrong.push(`headings ${levels}: h${level} after a gap`);
  });
  for (const field of all("input:not([type=hidden]),select,textarea")) {
    const said = [...(field.labels || [])].some(label => label.textContent.trim());
    if (!said && !field.ariaLabel && !field.getAttribute("aria-labelledby")) wrong.push(`${named(field)}: no label`);
  }

  // Size.
  const px = (element, property) => parseFloat(getComputedStyle(element)[property]);
  for (const element of [document.body, ...all("input,select,textarea,button")]) {
    if (px(element, "fontSize") < 16) wrong.push(`${named(element)}: letters of ${px(element, "fontSize")} px`);
  }
  for (const control of all("button,a[href],input:not([type=hidden]),select,textarea,summary")) {
    const box = control.getBoundingClientRect();
    const inText = control.tagName === "A" && getComputedStyle(control).display === "inline";
    if (!inText && (box.height < 44 || box.width < 44)) {
      wrong.push(`${named(control)}: ${Math.round(box.width)} x ${Math.round(box.height)} px to touch`);
    }
  }

  // Contrast, as WCAG 2 computes it.
  const rgba = color => {
    const found = color.match(/^rgba?\(([^)]+)\)$/);
    if (!found) throw new Error(`a colour that is not understood: ${color}`);
    const [r, g, b, a = 1] = found[1].split(/[,\s/]+/).map(Number);
    return { r, g, b, a };
  };
  const over = (top, below) => {
    const mix = name => top[name] * top.a + below[name] * (1 - top.a);
    return { r: mix("r"), g: mix("g"), b: mix("b"), a: 1 };
  };
  const dark = matchMedia("(prefers-color-scheme: dark)").matches
    && getComputedStyle(document.documentElement).colorScheme.includes("dark");
  const behind = element => {
    if (!element) return dark ? { r: 18, g: 18, b: 18, a: 1 } : { r: 255, g: 255, b: 255, a: 1 };
    const own = rgba(getComputedStyle(element).backgroundColor);
    return own.a === 1 ? own : over(own, behind(element.parentElement));
  };
  const light = ({ r, g, b }) => {
    const linear = part => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  };
  const contrast = (one, other) => {
    const [more, less] = [light(one), light(other)].sort((a, b) => b - a);
    return (more + 0.05) / (less + 0.05);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || !shown(element) || ["SCRIPT", "STYLE", "OPTION"].includes(element.tagName)) continue;
    const ground = behind(element);
    const found = contrast(over(rgba(getComputedStyle(element).color), ground), ground);
    if (found < 4.5) wrong.push(`${named(element)}: text contrast ${found.toFixed(2)}`);
  }
  for (const control of all("button,a.button,input:not([type=hidden]),select,textarea")) {
    const ground = behind(control.parentElement);
    const style = getComputedStyle(control);
    const edge = parseFloat(style.borderTopWidth) ? contrast(over(rgba(style.borderTopColor), ground), ground) : 1;
    const found = Math.max(edge, contrast(behind(control), ground));
    if (found < 3) wrong.push(`${named(control)}: its edge has contrast ${found.toFixed(2)}`);
  }
  return wrong;
}
