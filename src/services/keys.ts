// Authentication: from the token of a request to its caller, and from the token in an admin request to the key it names.
import { timingSafeEqual } from 'node:crypto'
import type { Clock } from '../base/clock.ts'
import { insiError } from '../contract/errors.ts'
import { TOKEN_CACHE_ENTRIES_MAX } from '../contract/limits.ts'
import { rootKeyOf } from '../contract/root-key.ts'
import { ROOT_ENTITY_ID } from '../state/commands.ts'
import type { EntityRecord, KeyRecord, StateReader } from '../state/state-reader.ts'
import type { AuthorizationLease } from './authorization/lease.ts'
import type { Caller } from './caller.ts'
import { RecentMap } from './recent-map.ts'
import { tokenDigest } from './authorization/tokens.ts'
import type { ParsedToken, TokenCodec, TokenContent } from './authorization/tokens.ts'

export interface KeyServiceDeps {
  readonly clock: Clock
  readonly reader: StateReader
  readonly lease: AuthorizationLease
  readonly tokens: TokenCodec
}

export interface KeyServiceOptions {
  readonly instanceSecret: string
  /** Key UUID and data scope of root. */
  readonly rootPrefix: string
  /** How long a checked token is remembered. */
  readonly rememberMs: number
}

/** A token that was checked: its content needs no MAC until `untilMs` (monotonic). */
interface CheckedToken extends TokenContent {
  readonly untilMs: number
}

/** A key with the entity it belongs to. */
export interface ResolvedKey {
  readonly key: KeyRecord
  readonly entity: EntityRecord
}

export class KeyService {
  readonly #deps: KeyServiceDeps
  readonly #rootKey: Buffer
  readonly #rootCaller: Caller
  readonly #rememberMs: number
  readonly #checked = new RecentMap<string, CheckedToken>(TOKEN_CACHE_ENTRIES_MAX)

  constructor(deps: KeyServiceDeps, { instanceSecret, rootPrefix, rememberMs }: KeyServiceOptions) {
    this.#deps = deps
    this.#rememberMs = rememberMs
    this.#rootKey = Buffer.from(rootKeyOf(instanceSecret), 'utf8')
    this.#rootCaller = {
      kind: 'root',
      entityId: ROOT_ENTITY_ID,
      keyUuid: rootPrefix,
      presentedKeyUuid: rootPrefix,
      scope: rootPrefix,
    }
  }

  isRootKey(token: string): boolean {
    const bytes = Buffer.from(token, 'utf8')
    return bytes.length === this.#rootKey.length && timingSafeEqual(bytes, this.#rootKey)
  }

  /**
   * The caller behind a token; at once in the common case. The key's existence is checked at every call. A genuine token is
   * looked up behind a read barrier when this node's state may lack a deletion that was acknowledged, or the key: it may be
   * newer. Fails with AUTHENTICATION_FAILED, or with the read barrier's errors.
   */
  authenticate(token: string | undefined): Caller | Promise<Caller> {
    if (token === undefined || token === '') throw insiError('AUTHENTICATION_FAILED')
    if (this.isRootKey(token)) return this.#rootCaller
    const content = this.#check(token)
    if (content === undefined) throw insiError('AUTHENTICATION_FAILED')
    const caller = this.#deps.lease.isHeld() ? this.#callerOf(content) : undefined
    return caller ?? this.#authenticateBehindBarrier(content)
  }

  /**
   * What a token in a request says, once it is known to be genuine; whether its key exists still has to be looked up.
   * Fails with INVALID_TARGET_KEY when it cannot be a token, and with API_KEY_NOT_FOUND when it was never handed out.
   */
  identify(token: string): TokenContent {
    const parsed = this.#deps.tokens.parse(token)
    if (parsed === undefined) throw insiError('INVALID_TARGET_KEY')
    const content = this.#genuine(token, parsed)
    if (content === undefined) throw insiError('API_KEY_NOT_FOUND')
    return content
  }

  /** The key and entity that a token in a request names. Fails like identify(), also when they are deleted. */
  resolve(token: string): ResolvedKey {
    const resolved = this.#lookUp(this.identify(token))
    if (resolved === undefined) throw insiError('API_KEY_NOT_FOUND')
    return resolved
  }

  async #authenticateBehindBarrier(content: TokenContent): Promise<Caller> {
    await this.#deps.lease.take()
    const caller = this.#callerOf(content)
    if (caller === undefined) throw insiError('AUTHENTICATION_FAILED')
    return caller
  }

  #callerOf(content: TokenContent): Caller | undefined {
    const resolved = this.#lookUp(content)
    if (resolved === undefined) return undefined
    return {
      kind: content.kind,
      entityId: resolved.entity.entityId,
      keyUuid: resolved.entity.keyUuid,
      presentedKeyUuid: content.keyUuid,
      scope: resolved.entity.scopeUuid,
    }
  }

  #lookUp({ kind, keyUuid }: TokenContent): ResolvedKey | undefined {
    const key = this.#deps.reader.key(keyUuid)
    if (key === undefined || key.alias !== (kind === 'alias')) return undefined
    const entity = this.#deps.reader.entity(key.entityId)
    return entity?.status === 'active' ? { key, entity } : undefined
  }

  #check(token: string): TokenContent | undefined {
    const nowMs = this.#deps.clock.monotonicMs()
    const checked = this.#checked.get(token)
    if (checked !== undefined && nowMs < checked.untilMs) return checked
    const parsed = this.#deps.tokens.parse(token)
    const content = parsed === undefined ? undefined : this.#genuine(token, parsed)
    if (content === undefined) return undefined
    this.#checked.set(token, { ...content, untilMs: nowMs + this.#rememberMs })
    return content
  }

  /** A token is genuine when its MAC is right, or when it is the one that was handed out, under a secret since replaced. */
  #genuine(token: string, { kind, keyUuid, authentic }: ParsedToken): TokenContent | undefined {
    if (authentic) return { kind, keyUuid }
    const digest = this.#deps.reader.key(keyUuid)?.tokenDigest
    return digest !== undefined && timingSafeEqual(tokenDigest(token), digest) ? { kind, keyUuid } : undefined
  }
}
