/** A chat, by an incoming webhook of Slack or of what speaks as it does. */
import type { Notifier } from '../../runner/core/contracts/notice.ts';
import { type Message, messageOf, type Paragraph } from './message.ts';
import { type Patience, post } from './post.ts';

export interface SlackSettings {
  readonly name: string;
  /** Whoever has it may write, so it is a secret. */
  readonly url: string;
  readonly patience?: Patience;
}

/** Slack's limits: characters of a section and of the fallback text. */
const MOST_SECTION = 3000;
const MOST_TITLE = 300;

export function slack({ name, url, patience }: SlackSettings): Notifier {
  return {
    name,
    async send(notices) {
      if (notices.length === 0) return;
      const body = JSON.stringify(bodyOf(messageOf(notices)));
      await post({ notifier: name, url, body, headers: () => ({}), ...(patience && { patience }) });
    },
  };
}

function bodyOf({ title, paragraphs }: Message): object {
  const heading = paragraphs.length > 1 ? [section(`*${escaped(title)}*`)] : [];
  return {
    text: escaped(title).slice(0, MOST_TITLE),
    blocks: [...heading, ...paragraphs.map((text) => section(textOf(text)))],
  };
}

function textOf({ head, lines, link }: Paragraph): string {
  const way = link !== null && /^https?:\/\/[^\s<>|]+$/.test(link) ? [`<${link}|Open the run>`] : [];
  return [`*${escaped(head)}*`, ...lines.map(escaped), ...way].join('\n');
}

function section(text: string): object {
  return { type: 'section', text: { type: 'mrkdwn', text: text.slice(0, MOST_SECTION) } };
}

/** Else a name in a message could call everybody, or be a link. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
