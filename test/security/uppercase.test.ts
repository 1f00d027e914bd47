import { describe, expect, it } from 'vitest';
import { upperCase, upperCases } from '../../src/security/ntlm/uppercase.js';

describe('upper case as Windows has it', () => {
  it.each([
    ['alice', 'ALICE'],
    ['josé', 'JOSÉ'],
    ['дмитро', 'ДМИТРО'],
    ['ÿ', 'Ÿ'],
    ['ﾊｎ', 'ﾊＮ'],
    // Unicode has these in two letters, or as letters of ASCII; Windows leaves them.
    ['strauß', 'STRAUß'],
    ['yıldız', 'YıLDıZ'],
    ['ſ', 'ſ'],
    ['µ', 'µ'],
    ['ﬁﬂ', 'ﬁﬂ'],
    ['ŉ', 'ŉ'],
    ['ǅ', 'ǅ'],
    // Two units: never one letter.
    ['𐐨', '𐐨'],
    ['\ud801', '\ud801'],
    ['ᾀ', 'ᾈ'],
    ['ς', 'ς'],
    ['ა', 'ა'],
  ])('%s is %s', (text, upper) => {
    expect(upperCase(text)).toBe(upper);
  });

  it('maps one unit to one, and what is in upper case to itself', () => {
    const odd = Array.from({ length: 0x1_0000 }, (_, unit) => String.fromCharCode(unit)).filter((text) => {
      const upper = upperCase(text);
      return upper.length !== 1 || upperCase(upper) !== upper;
    });
    expect(odd).toEqual([]);
  });

  it('has a second way where an older table has, and only there', () => {
    expect(upperCases('alice')).toEqual(['ALICE']);
    expect(upperCases('ștefan')).toEqual(['ȘTEFAN', 'șTEFAN']);
    expect(upperCases('νικος')).toEqual(['ΝΙΚΟς', 'ΝΙΚΟΣ']);
  });
});
