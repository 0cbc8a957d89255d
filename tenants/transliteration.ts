/** Letters that Unicode does not take apart, in small. */
const LETTERS = new Map(
  Object.entries({
    ...{ ß: 'ss', æ: 'ae', œ: 'oe', ø: 'o', đ: 'd', ð: 'd', þ: 'th', ł: 'l', ı: 'i', ħ: 'h', ŋ: 'ng', ŧ: 't', ĸ: 'k' },
    ...{ а: 'a', б: 'b', в: 'v', г: 'g', ґ: 'g', д: 'd', ђ: 'dj', е: 'e', ё: 'yo', є: 'ye', ж: 'zh', з: 'z', и: 'i' },
    ...{ і: 'i', ї: 'yi', й: 'y', ј: 'j', к: 'k', л: 'l', љ: 'lj', м: 'm', н: 'n', њ: 'nj', о: 'o', п: 'p', р: 'r' },
    ...{ с: 's', т: 't', ћ: 'c', у: 'u', ў: 'u', ф: 'f', х: 'kh', ц: 'ts', ч: 'ch', џ: 'dz', ш: 'sh', щ: 'shch' },
    ...{ ъ: '', ы: 'y', ь: '', э: 'e', ю: 'yu', я: 'ya' },
    ...{ α: 'a', β: 'v', γ: 'g', δ: 'd', ε: 'e', ζ: 'z', η: 'i', θ: 'th', ι: 'i', κ: 'k', λ: 'l', μ: 'm', ν: 'n' },
    ...{ ξ: 'x', ο: 'o', π: 'p', ρ: 'r', σ: 's', ς: 's', τ: 't', υ: 'y', φ: 'f', χ: 'ch', ψ: 'ps', ω: 'o' },
  }),
);

/** Letters, digits and `_` only: known letters in Latin, their marks dropped, anything else `_`. */
export function transliterate(text: string): string {
  if (/^\w*$/.test(text)) return text;
  return Array.from(text.normalize('NFC'), (letter) => known(letter) ?? decomposed(letter)).join('');
}

function decomposed(letter: string): string {
  const parts = letter.normalize('NFKD').replace(/\p{M}/gu, '');
  return Array.from(parts, (part) => known(part) ?? '_').join('');
}

function known(letter: string): string | undefined {
  if (/^\w$/.test(letter)) return letter;
  const small = letter.toLowerCase();
  const latin = LETTERS.get(small);
  if (latin === undefined || small === letter) return latin;
  return latin.slice(0, 1).toUpperCase() + latin.slice(1);
}
