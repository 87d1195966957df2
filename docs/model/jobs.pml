/*
 * How a job is claimed, taken over, cancelled, retried and ended, for the model checker Spin.
 *
 * The world is a database of rows and workers that may die or fall asleep at any moment. Each
 * `atomic` block is one transaction, or one write to the index; between two blocks anything may
 * happen. What a worker remembers is set back by a crash, what is in a row is not.
 *
 * A worker that was stopped and goes on later needs no mechanism of its own: a process that is
 * not scheduled for a while is one. Only its heartbeat must run out meanwhile (`World`).
 *
 * Safeguards are taken away by -D, to show that each is needed: NO_FENCE, NO_ATTEMPT_CHECK,
 * NO_MARK, NO_GUARD, NO_TRANSACTION, UNDO_BY_JOB, SHARED_VERSION, NO_SWEEPER, NO_BEAT.
 */

#ifndef JOBS
#define JOBS 1
#endif
#ifndef CRASHES
#define CRASHES 2
#endif
#ifndef STALLS
#define STALLS 1
#endif
#ifndef TIMEOUTS
#define TIMEOUTS 1
#endif

#define WORKERS 2
#define ATTEMPTS (2 * JOBS)
#define EXECUTORS (WORKERS + CRASHES)
#define NOTHING 15

/* Attempt 2j is job j's first, 2j + 1 its retry. */
#define JOB(a) ((a) / 2)
#define FIRST(a) ((a) % 2 == 0)

#ifdef SHARED_VERSION
#define VERSION(a) JOB(a)
#else
#define VERSION(a) (a)
#endif

mtype:row = { ABSENT, ENQUEUED, PENDING, ENDED };
mtype:outcome = { OPEN, COMPLETED, FAILED, CANCELLED };
mtype:place = { IDLE, BUILD, PUBLISH, PUBLISHING, FAIL, REMOVE, FINISH };
mtype:duty = { RESTING, TAKING_OVER, REMOVING, CLOSING };

/* ---- The database and the index: what outlives every process. ---- */

mtype:row row[ATTEMPTS] = ABSENT;          /* the engine's row of each attempt */
byte owner[ATTEMPTS] = NOTHING;             /* the executor that claimed it */
mtype:outcome outcome[ATTEMPTS] = OPEN;
byte ends[ATTEMPTS];              /* terminal events */
bool mark[ATTEMPTS];              /* its cancelling was asked for */
byte current[JOBS];               /* the attempt that the job is at */
byte visible[JOBS] = NOTHING;               /* the attempt whose version search returns */
bool vectors[ATTEMPTS];           /* whether the index holds a version, in full */

/* ---- The two processes; a restart gives a slot a new executor, never an old one. ---- */

bool up[WORKERS] = true;
byte executor[WORKERS];
bool beating[EXECUTORS];          /* its heartbeat is younger than the limit */
bool suspected[EXECUTORS];        /* it ever was older; no row, known to the proof alone */

/* What a process remembers: its worker's attempt and step; its sweeper's duty, the attempt this
 * is about, and the executor that was seen dead. */
byte work[WORKERS] = NOTHING;
mtype:place at[WORKERS] = IDLE;
mtype:duty duty[WORKERS] = RESTING;
byte about[WORKERS] = NOTHING;
byte dead[WORKERS] = NOTHING;

/* How often it may still happen. */
byte crashes = CRASHES, stalls = STALLS, next_executor = WORKERS;
byte timeouts = TIMEOUTS, cancels = 1, retries = 1;

#define JOB_OPEN(a) (outcome[current[JOB(a)]] == OPEN)
#define CURRENT(a) (current[JOB(a)] == (a))

#ifdef NO_FENCE
#define FENCE(a) true
#elif defined(NO_ATTEMPT_CHECK)
#define FENCE(a) JOB_OPEN(a)
#else
#define FENCE(a) (JOB_OPEN(a) && CURRENT(a))
#endif

#ifdef NO_MARK
#define MARKED(a) false
#else
#define MARKED(a) mark[a]
#endif

/* ---- Writes that every path shares ---- */

/* The one place where an outcome and its terminal event are written. `by` is the attempt whose
 * run, or whose undoing, writes it. */
inline write_end(a, word, by) {
    assert(ends[a] == 0 && outcome[a] == OPEN);      /* one end, and it never changes */
    assert(by == a);                                 /* nobody ends another's attempt */
    assert(word != COMPLETED || !mark[a]);           /* what was cancelled is not published */
    assert(word != COMPLETED || CURRENT(a));         /* nor what was superseded */
    assert(word == COMPLETED || visible[JOB(a)] != a); /* what did not publish is not seen */
    outcome[a] = word;
    ends[a]++
}

/* What users can see is whole, and of an attempt that ended well. */
#define SOUND(j) (visible[j] == NOTHING || \
                  (outcome[visible[j]] == COMPLETED && vectors[VERSION(visible[j])]))
#if JOBS == 1
#define ALL_SOUND SOUND(0)
#else
#define ALL_SOUND (SOUND(0) && SOUND(1))
#endif

inline forget(s) {
    work[s] = NOTHING; at[s] = IDLE;
    rest(s)
}

inline rest(s) {
    duty[s] = RESTING; about[s] = NOTHING; dead[s] = NOTHING
}

#define SETTLED(j) (outcome[current[j]] != OPEN && ROWS_ENDED(j))
#define ROWS_ENDED(j) ((row[2*(j)] == ENDED) && (row[2*(j)+1] == ENDED || row[2*(j)+1] == ABSENT))
#if JOBS == 1
#define ALL_SETTLED SETTLED(0)
#else
#define ALL_SETTLED (SETTLED(0) && SETTLED(1))
#endif

/* ---- Working ---- */

/* The claim is a conditional update: of two workers that want a row, one gets it. What is over
 * is refused at once; that saves work, while safety rests on `publish` alone. */
inline claim(s, a) {
    row[a] = PENDING; owner[a] = executor[s];
    printf("executor %d claims attempt %d\n", executor[s], a);
    work[s] = a;
    at[s] = (JOB_OPEN(a) && CURRENT(a) && !MARKED(a) -> BUILD : FINISH)
}

/* All steps before publishing are one here: they write under ids that follow from the version,
 * so a second or late run writes the same. Nothing stops a late one: it must be harmless. */
inline build(s, a) {
    if
    :: vectors[VERSION(a)] = true; at[s] = PUBLISH
    :: at[s] = FAIL                                  /* bad input, or tries exhausted */
    fi
}

inline publish(s, a) {
    if
    :: FENCE(a) && !MARKED(a) ->
        printf("executor %d publishes attempt %d\n", executor[s], a);
        visible[JOB(a)] = a;
#ifdef NO_TRANSACTION
        at[s] = PUBLISHING
#else
        write_end(a, COMPLETED, a);
        at[s] = FINISH
#endif
    :: else -> at[s] = FINISH
    fi;
#ifndef NO_TRANSACTION
    assert(ALL_SOUND)
#endif
}

/* Only without a transaction: the outcome comes second, under the same conditions. That it is
 * late for a moment is forgiven (above), that it never comes is not (`write_end`). */
inline publish_outcome(s, a) {
    if
    :: FENCE(a) && !MARKED(a) -> write_end(a, COMPLETED, a)
    :: else
    fi;
    at[s] = FINISH
}

#ifdef UNDO_BY_JOB
#define TO_END(a) current[JOB(a)]
#else
#define TO_END(a) (a)
#endif

/* What is marked is left to the undoing, whose word is `cancelled`. */
inline fail(s, a) {
    if
    :: outcome[TO_END(a)] == OPEN && !MARKED(TO_END(a)) ->
        printf("executor %d ends attempt %d as failed\n", executor[s], TO_END(a));
        write_end(TO_END(a), FAILED, a);
        at[s] = REMOVE
    :: else ->
        if
        :: outcome[TO_END(a)] == FAILED -> at[s] = REMOVE
        :: else -> at[s] = FINISH
        fi
    fi
}

inline remove(a) {
    printf("the vectors of attempt %d are removed\n", a);
    vectors[VERSION(a)] = false;
    assert(ALL_SOUND)
}

/* The engine's own note that a run ended; it is refused to one that no longer owns the row. */
inline finish(s, a) {
    if
    :: row[a] == PENDING && owner[a] == executor[s] -> row[a] = ENDED; owner[a] = NOTHING
    :: else
    fi;
    work[s] = NOTHING; at[s] = IDLE
}

proctype Worker(byte s) {
end:
    do
    :: atomic { up[s] && at[s] == IDLE && row[0] == ENQUEUED -> claim(s, 0) }
    :: atomic { up[s] && at[s] == IDLE && row[1] == ENQUEUED -> claim(s, 1) }
#if JOBS == 2
    :: atomic { up[s] && at[s] == IDLE && row[2] == ENQUEUED -> claim(s, 2) }
    :: atomic { up[s] && at[s] == IDLE && row[3] == ENQUEUED -> claim(s, 3) }
#endif
    :: atomic { up[s] && at[s] == BUILD -> build(s, work[s]) }
    :: atomic { up[s] && at[s] == PUBLISH -> publish(s, work[s]) }
#ifdef NO_TRANSACTION
    :: atomic { up[s] && at[s] == PUBLISHING -> publish_outcome(s, work[s]) }
#endif
    :: atomic { up[s] && at[s] == FAIL -> fail(s, work[s]) }
    :: atomic { up[s] && at[s] == REMOVE -> remove(work[s]); at[s] = FINISH }
    :: atomic { up[s] && at[s] == FINISH -> finish(s, work[s]) }
    od
}

/* ---- Taking over, and ending what was cancelled or stranded ---- */

/* Looking and taking over are two transactions: in between, others may have done it. */
inline look(s, a) {
    duty[s] = TAKING_OVER; about[s] = a; dead[s] = owner[a];
    printf("executor %d sees attempt %d held by dead executor %d\n", executor[s], a, owner[a])
}

#ifdef NO_GUARD
#define STILL_HELD(s, a) true
#else
#define STILL_HELD(s, a) (owner[a] == dead[s])
#endif

inline take_over(s, a) {
    if
    :: row[a] == PENDING && STILL_HELD(s, a) ->
        printf("executor %d puts attempt %d of executor %d back\n", executor[s], a, owner[a]);
        assert(suspected[owner[a]]);                 /* nothing is taken from the healthy */
        row[a] = ENQUEUED; owner[a] = NOTHING
    :: else
    fi;
    rest(s)
}

/* Cancelled, or ended by the engine alone: first no further claim, then the undoing. Under a
 * mark nothing can be published, so the vectors may go before the end is written, and nobody is
 * told `cancelled` too early. Without a mark a late run may still publish: the end comes first. */
inline undo(s, a) {
    printf("executor %d undoes attempt %d\n", executor[s], a);
    row[a] = ENDED; owner[a] = NOTHING;
    about[s] = a;
    duty[s] = (mark[a] -> REMOVING : CLOSING)
}

inline close(s, a) {
    if
    :: outcome[TO_END(a)] == OPEN ->
        if
        :: mark[TO_END(a)] -> write_end(TO_END(a), CANCELLED, a)
        :: else -> write_end(TO_END(a), FAILED, a)
        fi;
        duty[s] = REMOVING
    :: else -> rest(s)
    fi
}

inline remove_undone(s, a) {
    remove(a);
    if
    :: outcome[a] == OPEN -> duty[s] = CLOSING
    :: else -> rest(s)
    fi
}

#define RESTS(s) (up[s] && duty[s] == RESTING)
#define HELD_BY_DEAD(s, a) (row[a] == PENDING && owner[a] != executor[s] && !beating[owner[a]])
#define STRANDED(a) (CURRENT(a) && outcome[a] == OPEN && (mark[a] || row[a] == ENDED))

proctype Sweeper(byte s) {
end:
    do
#ifndef NO_BEAT
    :: atomic { RESTS(s) && !beating[executor[s]] -> beating[executor[s]] = true }
#endif
#ifndef NO_SWEEPER
    :: atomic { RESTS(s) && HELD_BY_DEAD(s, 0) -> look(s, 0) }
    :: atomic { RESTS(s) && HELD_BY_DEAD(s, 1) -> look(s, 1) }
#if JOBS == 2
    :: atomic { RESTS(s) && HELD_BY_DEAD(s, 2) -> look(s, 2) }
    :: atomic { RESTS(s) && HELD_BY_DEAD(s, 3) -> look(s, 3) }
#endif
#endif
    :: atomic { RESTS(s) && STRANDED(0) -> undo(s, 0) }
    :: atomic { RESTS(s) && STRANDED(1) -> undo(s, 1) }
#if JOBS == 2
    :: atomic { RESTS(s) && STRANDED(2) -> undo(s, 2) }
    :: atomic { RESTS(s) && STRANDED(3) -> undo(s, 3) }
#endif
    :: atomic { up[s] && duty[s] == TAKING_OVER -> take_over(s, about[s]) }
    :: atomic { up[s] && duty[s] == REMOVING -> remove_undone(s, about[s]) }
    :: atomic { up[s] && duty[s] == CLOSING -> close(s, about[s]) }
    od
}

/* ---- What the world does to them: a bounded number of times, at any moment ---- */

/* A process dies with all it remembers. One of the two always comes back, else nothing could
 * be promised; the other may stay away for good. */
inline crash(s) {
    crashes--;
    printf("executor %d is killed\n", executor[s]);
    beating[executor[s]] = false; suspected[executor[s]] = true;
    forget(s);
    if
    :: executor[s] = next_executor; beating[next_executor] = true
    :: up[1 - s] -> up[s] = false; executor[s] = next_executor
    fi;
    next_executor++
}

inline stall(s) {
    stalls--;
    printf("executor %d falls silent\n", executor[s]);
    beating[executor[s]] = false; suspected[executor[s]] = true
}

/* The engine ends a workflow by its own limit and knows nothing of outcomes. */
inline time_out(a) {
    timeouts--; row[a] = ENDED; owner[a] = NOTHING;
    printf("attempt %d passes its time limit\n", a)
}

inline cancel(j) {
    cancels--; mark[current[j]] = true;
    printf("attempt %d is to be cancelled\n", current[j])
}

/* A new attempt beside the old one, whose end stays as it is. */
inline retry(j) {
    retries--;
    printf("job %d is tried again\n", j);
    current[j] = current[j] + 1;
    row[current[j]] = ENQUEUED
}

#define CANCELLABLE(j) cancels > 0 && outcome[current[j]] == OPEN && !mark[current[j]]
#define RETRYABLE(j) retries > 0 && FIRST(current[j]) && \
    (outcome[current[j]] == FAILED || outcome[current[j]] == CANCELLED)

proctype World() {
    do
    :: atomic { crashes > 0 && up[0] -> crash(0) }
    :: atomic { crashes > 0 && up[1] -> crash(1) }
    /* The slots are alike, so that it is enough to let one of them fall asleep. */
    :: atomic { stalls > 0 && up[0] && beating[executor[0]] -> stall(0) }
    :: atomic { timeouts > 0 && row[0] == PENDING -> time_out(0) }
    :: atomic { CANCELLABLE(0) -> cancel(0) }
    :: atomic { RETRYABLE(0) -> retry(0) }
#if JOBS == 2
    :: atomic { CANCELLABLE(1) -> cancel(1) }
    :: atomic { RETRYABLE(1) -> retry(1) }
#endif
    :: atomic { true ->                              /* the rest does not happen */
        crashes = 0; stalls = 0; timeouts = 0; cancels = 0; retries = 0; break }
    od;
    /* Where nothing can move any more, nothing may be left to do. */
    timeout -> assert(ALL_SETTLED && ALL_SOUND)
}

init {
    d_step {
        current[0] = 0; row[0] = ENQUEUED;
#if JOBS == 2
        current[1] = 2; row[2] = ENQUEUED;
#endif
        executor[0] = 0; beating[0] = true;
        executor[1] = 1; beating[1] = true
    }
    atomic {
        run Worker(0); run Worker(1); run Sweeper(0); run Sweeper(1); run World()
    }
}

/* ---- What must hold ---- */

/* No job is lost: in the end each has an outcome, and no row of the engine stays open. */
ltl ends_at_last { <>[] ALL_SETTLED }

/* An ended attempt keeps its end, and users never see what is not whole and published. */
#define KEEPS(a, word) (outcome[a] == word -> [] (outcome[a] == word && ends[a] == 1))
#define KEPT(a) (KEEPS(a, COMPLETED) && KEEPS(a, FAILED) && KEEPS(a, CANCELLED))
ltl end_is_kept { [] (KEPT(0) && KEPT(1) && ALL_SOUND) }

/* No property but a witness: its counterexample shows that the search reaches a job that was
 * cancelled, retried and published by an executor born of the last crash. */
ltl witness {
    [] !(outcome[0] == CANCELLED && outcome[1] == COMPLETED && crashes == 0 && stalls == 0
         && row[1] == PENDING && owner[1] == EXECUTORS - 1)
}
