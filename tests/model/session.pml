/* One secure session (PROTOCOL.md section 6) among N <= 6 devices on a complete graph, K = N - 1 neighbours, with a
 * coordinator that follows no rule: it tells each device what it likes, in any order, and may stop at any point.
 * Cryptography is ideal: seeds open with T shares, nobody makes up a signature, nobody is shown another roster (the
 * transcript binds it). Devices 0 .. CORRUPT-1 give the coordinator all they hold and sign anything.
 *
 * -DN= -DT= -DCORRUPT=   size, threshold, corrupt devices
 * -DRULE=                before a device releases: 0 nothing, 1 it checks SIGNATURES neighbours' signatures over the
 *                        set that it was shown, 2 over any sets with it in them
 * -DPROPERTY=            1 both kinds of seed, 2 the victim's vector, 3 one set for all who release, 4 a run completes,
 *                        5 no device gives for one neighbour both a share of its self seed and what opens a pair mask
 * -DPAIR_KEYS            beside its share of a missing neighbour's mask seed a device gives the pair key of the two
 * -DSPLIT_VIEW           only the coordinators that play the split view against the victim; reaches N = 6
 * -DBUG_<NAME>           a planted bug: OVERLAP, TWO_ANSWERS, FEW_SURVIVORS, SET_IGNORED, SIGNS_LATE
 */
#define MOST 6
#define BIT(i) (1 << (i))
#define HAS(set, i) (((set) >> (i)) & 1)
#define ALL (BIT(N) - 1)
#define COUNT(set) (HAS(set, 0) + HAS(set, 1) + HAS(set, 2) + HAS(set, 3) + HAS(set, 4) + HAS(set, 5))
#define VICTIM CORRUPT /* the first honest device: on a complete graph any stands for all */

byte alive[MOST];        /* the neighbours whose pair masks are in a device's vector */
byte survivors[MOST];    /* the set that a device signed */
byte released_set[MOST]; /* the set that a device released shares for */
byte self_holders[MOST]; /* who gave the coordinator a share of this device's self seed */
byte mask_holders[MOST]; /* ... of its mask seed */
byte delivered, signers, answered;

/* The signature of device j that the coordinator can show to `me`. */
#ifdef BUG_SET_IGNORED
#define FITS(me, j) true
#elif RULE == 2
#define FITS(me, j) HAS(survivors[j], me)
#else
#define FITS(me, j) (survivors[j] == survivors[me])
#endif
#define SHOWS(me, j) (j < N && j != me && (j < CORRUPT || (HAS(signers, j) && FITS(me, j))))
#define SIGNATURES_FOR(me) (SHOWS(me, 0) + SHOWS(me, 1) + SHOWS(me, 2) + SHOWS(me, 3) + SHOWS(me, 4) + SHOWS(me, 5))

#define SELF_OPEN(i) (COUNT(self_holders[i]) >= T)
#define MASK_OPEN(i) (COUNT(mask_holders[i]) >= T)
#define BOTH_KINDS(i) (i >= CORRUPT && i < N && SELF_OPEN(i) && MASK_OPEN(i))
#ifdef PAIR_KEYS /* whoever is in mask_holders has given its pair key, too: one answer holds both */
#define PAIR_GIVEN(j) (HAS(mask_holders[j], VICTIM) || HAS(mask_holders[VICTIM], j))
#else
#define PAIR_GIVEN(j) false
#endif
#define PAIR_KNOWN(j) (!HAS(alive[VICTIM], j) || j < CORRUPT || MASK_OPEN(j) || MASK_OPEN(VICTIM) || PAIR_GIVEN(j))
#define VICTIM_READ (HAS(delivered, VICTIM) && SELF_OPEN(VICTIM) && PAIR_KNOWN(0) && PAIR_KNOWN(1) && PAIR_KNOWN(2) && \
                     PAIR_KNOWN(3) && PAIR_KNOWN(4) && PAIR_KNOWN(5))
#define GAVE_BOTH(i) (i < N && (self_holders[i] & mask_holders[i] & ~(BIT(CORRUPT) - 1)) != 0)
#define DIFFER(me, j) (j < N && HAS(answered, j) && HAS(answered, me) && released_set[j] != released_set[me])

inline check(me) {
#if PROPERTY == 1
  assert(!BOTH_KINDS(0) && !BOTH_KINDS(1) && !BOTH_KINDS(2) && !BOTH_KINDS(3) && !BOTH_KINDS(4) && !BOTH_KINDS(5))
#elif PROPERTY == 2
  assert(!VICTIM_READ)
#elif PROPERTY == 3
  assert(!DIFFER(me, 0) && !DIFFER(me, 1) && !DIFFER(me, 2) && !DIFFER(me, 3) && !DIFFER(me, 4) && !DIFFER(me, 5))
#elif PROPERTY == 5
  assert(!GAVE_BOTH(0) && !GAVE_BOTH(1) && !GAVE_BOTH(2) && !GAVE_BOTH(3) && !GAVE_BOTH(4) && !GAVE_BOTH(5))
#else
  skip
#endif
}

inline choose_subset(set, whole) {
  set = 0;
  place = 0;
  do
  :: place < N && HAS(whole, place) -> set = set | BIT(place); place++
  :: place < N -> place++
  :: place == N -> place = 0; break
  od
}

inline give_shares(me, shown, missing) {
  place = 0;
  do
  :: place < N ->
    if
    :: place != me && HAS(shown, place) -> self_holders[place] = self_holders[place] | BIT(me)
    :: else
    fi;
    if
    :: place != me && HAS(missing, place) -> mask_holders[place] = mask_holders[place] | BIT(me)
    :: else
    fi;
    place++
  :: else -> place = 0; break
  od
}

inline signs(me) {
  signers = signers | BIT(me);
#if RULE != 0
  survivors[me] = shown
#endif
}

proctype device(byte me) {
  byte shown, missing, place, requests;

  atomic { /* 6.8, 6.9: told who is alive, it sends a vector with those pair masks */
#if PROPERTY == 4
    alive[me] = ALL & ~BIT(me);
#elif defined(SPLIT_VIEW)
    (me == VICTIM || (HAS(delivered, VICTIM) && (signers & ~BIT(VICTIM)) == BIT(me) - BIT(VICTIM + 1))); /* one by one: no device's story needs another's */
    alive[me] = (me == VICTIM -> BIT(T + 1) - 1 : ALL) & ~BIT(me); /* the victim is shown as few as it accepts */
#else
    choose_subset(shown, ALL & ~BIT(me));
    alive[me] = shown;
    shown = 0;
#endif
    if
    :: COUNT(alive[me]) >= T -> delivered = delivered | BIT(me)
    :: else -> alive[me] = 0; goto end_done
    fi;
    check(me);
    /* Whose vector nobody attacks goes on at once: when it arrived makes no difference to anybody. */
    if
    :: me == VICTIM -> goto request
    :: else
    fi;
request:
    /* 6.10: shown who survived, itself among them; who was alive and is not in the set is missing */
#if PROPERTY == 4
    delivered == ALL;
    shown = ALL;
#elif defined(SPLIT_VIEW)
#ifdef PAIR_KEYS
    /* To whom the victim is missing gives a pair key of it, and so does the victim for whom it misses. */
    choose_subset(missing, (alive[VICTIM] | BIT(VICTIM)) & ~BIT(me));
#else
    /* That the victim and whoever it does not count on survived is told to all: it only helps. */
    choose_subset(missing, (me == VICTIM -> 0 : alive[VICTIM] & ~BIT(me)));
#endif
    shown = alive[me] & ~missing;
#else
    if
    :: choose_subset(shown, alive[me])
    :: if
       :: me != VICTIM -> alive[me] = 0
       :: else
       fi;
       goto end_done /* never asked */
    fi;
#endif
#ifdef BUG_OVERLAP
    missing = alive[me];
#else
    missing = alive[me] & ~shown;
#endif
    shown = shown | BIT(me);
#ifndef BUG_FEW_SURVIVORS
    if
    :: COUNT(shown) - 1 >= T
    :: else ->
      shown = 0;
      missing = 0;
#ifdef SPLIT_VIEW
      signers = signers | BIT(me); /* refused, and the next one's turn */
#endif
      goto end_done
    fi;
#endif
#ifndef BUG_SIGNS_LATE
    signs(me)
#endif
  }
#if RULE != 0
  SIGNATURES_FOR(me) >= SIGNATURES; /* the consistency step: wait for them, if need be for ever */
#endif
  d_step { /* 6.11 */
#ifdef BUG_SIGNS_LATE
    signs(me);
#endif
#if PROPERTY == 3
    released_set[me] = shown;
#endif
    answered = answered | BIT(me);
    give_shares(me, shown, missing);
    check(me);
    shown = 0;
    missing = 0;
    if
    :: me != VICTIM -> alive[me] = 0
    :: else
    fi
  }
#ifdef BUG_TWO_ANSWERS
  atomic {
    if
    :: requests == 0 -> requests++; alive[me] = ALL & ~BIT(me); goto request
    :: else -> requests = 0
    fi
  }
#endif
end_done:
  false
}

init {
  byte i = 0;
  atomic {
    do
    :: i < N -> self_holders[i] = (BIT(CORRUPT) - 1) & ~BIT(i); mask_holders[i] = self_holders[i]; i++
    :: else -> break
    od;
    i = CORRUPT;
    do
    :: i < N -> run device(i); i++
    :: else -> i = 0; break
    od
  }
}

#if PROPERTY == 4
#define FINISHED (answered == ALL && SELF_OPEN(0) && SELF_OPEN(1) && SELF_OPEN(2))
ltl run_completes { <> FINISHED }
#endif
