// Package replay replays recorded workflow histories strictly.
//
// Temporal's own replayer asks whether this build would send the same commands in the same order; that is what keeps a
// run from getting stuck. It does not ask whether the commands say the same. All of these pass it: another result,
// another activity input, timeout or retry policy, another timer duration, another input of a child, another value of
// a search attribute, another answer to an update, another ending of a run that failed or was cancelled, a GetVersion
// that is no longer asked. A run that waits for days when a new build arrives is disturbed by each of them.
//
// [Replayer.Replay] runs Temporal's check and compares besides, event by event:
//
//   - activities: type, input, task queue, timeouts, retry policy, summary
//   - timers: duration, summary
//   - child workflows: type, workflow ID, input, task queue, timeouts, retry policy, what happens to them at the end
//     of the parent, summary
//   - signals to other workflows: target, name, input
//   - search attributes and memo
//   - side effects (their order; the recorded value is what a replay must use) and versions
//   - updates: that what was accepted still is, and the answer
//   - the end: result, failure with its causes, cancellation, continue-as-new with its input
//
// Each thing that differs is a [Difference]: the event, the field, what the history says and what this build does.
//
//	r, err := replay.New(replay.Options{Register: workflows.Register, DisableRegistrationAliasing: true})
//	history, err := replay.Load("testdata/histories/Offboard/v1/planned.json.gz")
//	differences, err := r.Replay(history)
//
// What is not compared, because a history does not hold it or nobody has needed it: headers, current details, logs,
// metrics, local activities and Nexus operations beyond what Temporal's check sees.
//
// The package knows Temporal's SDK and API and the standard library. It must not know whose workflows it replays.
package replay
