// The six tabs, as the ARIA authoring practices have them; and the theme.
import { byId } from './dom.js';
import { closeCard } from './popover.js';

/** @param {(name: string) => void} onOpen is told each time a tab is opened */
export function makeTabs(onOpen) {
  const tabs = [...document.querySelectorAll('[role="tab"]')];
  const select = (chosen, { focus = false } = {}) => {
    closeCard();
    for (const tab of tabs) {
      const open = tab === chosen;
      tab.setAttribute('aria-selected', open);
      tab.tabIndex = open ? 0 : -1;
      byId(tab.getAttribute('aria-controls')).hidden = !open;
    }
    if (focus) chosen.focus();
    const name = chosen.getAttribute('aria-controls');
    history.replaceState(null, '', `#${name}`);
    onOpen(name);
  };
  tabs.forEach((tab, at) => {
    tab.addEventListener('click', () => {
      select(tab);
      scrollTo(0, 0);
    });
    tab.addEventListener('keydown', (event) => {
      const places = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 };
      if (!(event.key in places)) return;
      event.preventDefault();
      select(tabs.at(places[event.key] % tabs.length), { focus: true });
    });
  });
  select(tabs.find((tab) => `#${tab.getAttribute('aria-controls')}` === location.hash) ?? tabs[0]);
}

/** Light, dark, or as the system has it, by turns. */
export function makeTheme() {
  const button = byId('theme');
  const names = ['system', 'light', 'dark'];
  let at = 0;
  const show = () => {
    if (at === 0) delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = names[at];
    button.textContent = `Theme: ${names[at]}`;
    dispatchEvent(new Event('themechange'));
  };
  button.addEventListener('click', () => {
    at = (at + 1) % names.length;
    show();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', show);
  show();
}
