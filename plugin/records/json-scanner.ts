import type { JsonShape } from "../model/artifact.ts";
import { plainUntil } from "./brief-document.ts";

enum At {
  Value,
  ValueOrClose,
  Key,
  KeyOrClose,
  Colon,
  CommaOrClose,
  End,
  String,
  Escape,
  Hex,
  Literal,
  Minus,
  Zero,
  Integer,
  Point,
  Fraction,
  Exponent,
  ExponentSign,
  ExponentDigits,
}

const OBJECT = 1;
const ARRAY = 2;

const isDigit = (byte: number) => byte >= 0x30 && byte <= 0x39;
const isBlank = (byte: number) => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
const isHex = (byte: number) => isDigit(byte) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);

/**
 * Reads JSON byte by byte without building a value. So this class can distinguish a document that stops too early from
 * a document with an error. It also works for records that are too large to load. Inside strings, every byte of 0x80
 * and above is accepted, because UTF-8 is checked elsewhere.
 */
export class JsonScanner {
  #at: At = At.Value;
  #inKey = false;
  #hexLeft = 0;
  #literal = "";
  #literalAt = 0;
  #offset = 0;
  #invalidAt = -1;
  #topLevel: "object" | "array" | "scalar" | null = null;
  readonly #stack: number[] = [];

  push(bytes: Uint8Array): void {
    for (let index = 0; index < bytes.length; index += 1) {
      if (this.#invalidAt >= 0) return;
      if (this.#at === At.String) {
        const end = plainUntil(bytes, index);
        this.#offset += end - index;
        index = end;
        if (index === bytes.length) return;
      }
      if (!this.#step(bytes[index] ?? 0)) this.#invalidAt = this.#offset;
      this.#offset += 1;
    }
  }

  end(): JsonShape {
    if (this.#invalidAt >= 0) return { shape: "invalid", offset: this.#invalidAt };
    if (this.#topLevel === null) return { shape: this.#at === At.Value ? "blank" : "incomplete" };
    if (this.#numberMayEnd()) this.#afterValue();
    return this.#at === At.End ? { shape: "complete", topLevel: this.#topLevel } : { shape: "incomplete" };
  }

  #numberMayEnd(): boolean {
    return (
      this.#at === At.Zero || this.#at === At.Integer || this.#at === At.Fraction || this.#at === At.ExponentDigits
    );
  }

  #afterValue(): void {
    this.#at = this.#stack.length === 0 ? At.End : At.CommaOrClose;
  }

  #open(container: number): boolean {
    this.#topLevel ??= container === OBJECT ? "object" : "array";
    this.#stack.push(container);
    this.#at = container === OBJECT ? At.KeyOrClose : At.ValueOrClose;
    return true;
  }

  #close(container: number): boolean {
    if (this.#stack.pop() !== container) return false;
    this.#afterValue();
    return true;
  }

  #startValue(byte: number): boolean {
    if (byte === 0x7b) return this.#open(OBJECT);
    if (byte === 0x5b) return this.#open(ARRAY);
    this.#topLevel ??= "scalar";
    if (byte === 0x22) {
      this.#inKey = false;
      this.#at = At.String;
      return true;
    }
    if (byte === 0x2d) this.#at = At.Minus;
    else if (byte === 0x30) this.#at = At.Zero;
    else if (isDigit(byte)) this.#at = At.Integer;
    else {
      const literal = byte === 0x74 ? "true" : byte === 0x66 ? "false" : byte === 0x6e ? "null" : null;
      if (literal === null) return false;
      this.#literal = literal;
      this.#literalAt = 1;
      this.#at = At.Literal;
    }
    return true;
  }

  #step(byte: number): boolean {
    switch (this.#at) {
      case At.String:
        if (byte === 0x22) {
          if (this.#inKey) this.#at = At.Colon;
          else this.#afterValue();
        } else if (byte === 0x5c) this.#at = At.Escape;
        else return byte >= 0x20;
        return true;
      case At.Escape:
        if (byte === 0x75) {
          this.#hexLeft = 4;
          this.#at = At.Hex;
          return true;
        }
        this.#at = At.String;
        return '"\\/bfnrt'.includes(String.fromCharCode(byte));
      case At.Hex:
        this.#hexLeft -= 1;
        if (this.#hexLeft === 0) this.#at = At.String;
        return isHex(byte);
      case At.Literal:
        if (byte !== this.#literal.charCodeAt(this.#literalAt)) return false;
        this.#literalAt += 1;
        if (this.#literalAt === this.#literal.length) this.#afterValue();
        return true;
      case At.Minus:
        this.#at = byte === 0x30 ? At.Zero : At.Integer;
        return isDigit(byte);
      case At.Point:
        this.#at = At.Fraction;
        return isDigit(byte);
      case At.Exponent:
        this.#at = byte === 0x2b || byte === 0x2d ? At.ExponentSign : At.ExponentDigits;
        return this.#at === At.ExponentSign || isDigit(byte);
      case At.ExponentSign:
        this.#at = At.ExponentDigits;
        return isDigit(byte);
      case At.Zero:
      case At.Integer:
      case At.Fraction:
      case At.ExponentDigits:
        return this.#inNumber(byte);
      default:
        return isBlank(byte) || this.#structure(byte);
    }
  }

  #inNumber(byte: number): boolean {
    if (isDigit(byte)) return this.#at !== At.Zero;
    if (byte === 0x2e && (this.#at === At.Zero || this.#at === At.Integer)) {
      this.#at = At.Point;
      return true;
    }
    if ((byte === 0x65 || byte === 0x45) && this.#at !== At.ExponentDigits) {
      this.#at = At.Exponent;
      return true;
    }
    this.#afterValue();
    return isBlank(byte) || this.#structure(byte);
  }

  #structure(byte: number): boolean {
    switch (this.#at) {
      case At.ValueOrClose:
        return byte === 0x5d ? this.#close(ARRAY) : this.#startValue(byte);
      case At.Value:
        return this.#startValue(byte);
      case At.KeyOrClose:
        if (byte === 0x7d) return this.#close(OBJECT);
        return this.#startKey(byte);
      case At.Key:
        return this.#startKey(byte);
      case At.Colon:
        this.#at = At.Value;
        return byte === 0x3a;
      case At.CommaOrClose:
        if (byte === 0x2c) {
          this.#at = this.#stack.at(-1) === OBJECT ? At.Key : At.Value;
          return true;
        }
        return byte === 0x7d ? this.#close(OBJECT) : byte === 0x5d && this.#close(ARRAY);
      default:
        return false;
    }
  }

  #startKey(byte: number): boolean {
    this.#inKey = true;
    this.#at = At.String;
    return byte === 0x22;
  }
}

/** Decides how complete the JSON in a buffer is. */
export function jsonShape(bytes: Uint8Array): JsonShape {
  const scanner = new JsonScanner();
  scanner.push(bytes);
  return scanner.end();
}
