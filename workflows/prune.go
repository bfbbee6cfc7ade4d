package workflows

import (
	"errors"
	"slices"
	"strings"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"offboard/activities"
	"offboard/internal/offboard"
)

// pruneWorkflow retires superseded cluster keys that are proven unused, whoever owns them. Its input is one JSON object,
// see offboard.PruneRequest. It plans, asks, disables, soaks, deletes and undoes like Offboard, and ends like it, with an
// offboard.Report; nothing is handed over and nobody is removed. Right before the keys are disabled, and once more before
// they are deleted, everything that proves them unused is looked at again.
func pruneWorkflow(ctx workflow.Context, input, second converter.RawValue) (offboard.Report, error) {
	r := newRun()
	var request offboard.PruneRequest
	err := r.setup(ctx, input, second, func(data []byte) (err error) {
		request, err = offboard.DecodePruneRequest(data)
		r.state.Request, r.state.Prune = request.Request(), &request.PruneSelection
		return err
	})
	if err != nil {
		return offboard.Report{}, err
	}
	work, cancel := workflow.WithCancel(ctx)
	r.cancel = cancel
	err = r.phases(work,
		func(ctx workflow.Context) error { return r.admitPrune(ctx, request) },
		r.agree,
		r.disable,
		r.soak,
		r.stillUnused,
	)
	forward, _ := workflow.NewDisconnectedContext(ctx)
	if err == nil && r.state.Status == offboard.Running {
		err = r.phases(forward, r.delete, r.endPrune)
	}
	return r.conclude(ctx, err)
}

// admitPrune checks the request against the account, and takes the account's superseded keys for this run: two that prune
// the same key would each take the other's doing for somebody else's.
func (r *run) admitPrune(ctx workflow.Context, request offboard.PruneRequest) error {
	adm, err := do(ctx, reading, "Look up the account", verbs.Admit, activities.AdmitInput{User: request.OwnedBy})
	if err != nil {
		return err
	}
	r.adm, r.policy = adm, adm.Policy
	r.state.Account, r.state.Engine = adm.Account.ID, adm.Engine.Email
	if problems := adm.ProblemsOfPrune(request); len(problems) > 0 {
		return temporal.NewNonRetryableApplicationError((&offboard.InvalidInput{Problems: problems, Example: offboard.PruneExample}).Error(), InvalidInput, nil)
	}
	r.show(ctx)
	return r.claimAs(ctx, pruneClaimID(r.state.Account), "Holds the superseded keys for one run",
		"the superseded keys of the account are being pruned already", "the superseded keys of the account are held")
}

// doubts looks at the account again and tells which keys of this run are no longer proven unused.
func (r *run) doubts(ctx workflow.Context) ([]offboard.KeyDoubt, error) {
	var wanted []string
	for _, w := range r.state.Plan.Watch {
		wanted = append(wanted, w.Scope.ID())
	}
	survey, err := r.surveyPrune(ctx, wanted)
	if err != nil {
		return nil, err
	}
	var list []offboard.KeyDoubt
	encoded := workflow.SideEffectWithOptions(ctx, workflow.SideEffectOptions{Summary: "The keys that are no longer proven unused"},
		func(workflow.Context) any { return offboard.PruneDoubts(survey.Evidence, r.state.Keys, r.policy) })
	if err := encoded.Get(&list); err != nil || len(list) > 0 || r.looked {
		return list, err
	}
	// Once, before the first key is disabled: the troubles that the clusters have by themselves.
	clusters, _ := r.watched()
	got, err := do(ctx, reading, "Look at the clusters as they are before", verbs.Probe, activities.ProbeInput{Clusters: clusters})
	r.looked, r.known = err == nil, got.Trouble
	return nil, err
}

// stillUnused proves once more that nothing uses the keys that are about to be disabled or deleted. What is in doubt is
// for a person: it may be over in a minute, as an update of a cluster is.
func (r *run) stillUnused(ctx workflow.Context) error {
	for {
		doubts, err := r.doubts(ctx)
		if err == nil && len(doubts) == 0 {
			return nil
		}
		if err != nil && stopped(err) {
			return err
		}
		hold := holdFor("proof", "prove the keys unused", err, "Nothing is broken: nothing that is known uses the keys.", "looks again", "")
		if err == nil {
			hold = offboard.Hold{Subject: "proof", Step: "prove the keys unused", Code: offboard.Conflict, Problem: doubted(doubts),
				Means: "Nothing is broken by this run, but it can no longer be excluded that something uses these keys.",
				Retry: "looks again",
				Skip:  "leaves these keys alive, and goes on with the others",
				Abort: "stops the run and enables what it has disabled"}
		}
		err = r.hold(ctx, hold)
		if errors.Is(err, errSkipped) {
			if err := r.spare(ctx, doubts); err != nil {
				return err
			}
			continue // the others are looked at again: an answer may have taken days
		}
		if err != nil {
			return err
		}
	}
}

func doubted(doubts []offboard.KeyDoubt) string {
	lines := make([]string, len(doubts))
	for i, d := range doubts {
		lines[i] = "key " + d.ID + ": " + strings.Join(d.Why, ", ")
	}
	return "Since the plan was made this has come up: " + strings.Join(lines, "; ") + "."
}

// spare leaves keys alive that are no longer proven unused: what this run disabled of them is enabled first.
func (r *run) spare(ctx workflow.Context, doubts []offboard.KeyDoubt) error {
	for _, d := range doubts {
		i := slices.IndexFunc(r.state.Keys, func(k offboard.KeyProgress) bool { return k.ID == d.ID })
		k := &r.state.Keys[i]
		err := r.persist(ctx, "key "+k.ID, "enable key "+k.Name, "This run has disabled the key, and it can no longer be excluded that something uses it.",
			"tries again", "leaves the disabled key; it is not deleted", func(ctx workflow.Context) error { return r.enableKey(ctx, k) })
		if err != nil && !errors.Is(err, errSkipped) {
			return err
		}
		k.Keep()
		r.state.Residual = append(r.state.Residual, "Key "+k.ID+" is no longer proven unused: "+strings.Join(d.Why, "; ")+".")
	}
	r.show(ctx)
	return nil
}

// watchedOfPrune are the clusters of the scopes whose superseded keys go.
func (r *run) watchedOfPrune() (clusters []activities.WatchedCluster) {
	for _, w := range r.state.Plan.Watch {
		for _, c := range w.Clusters {
			clusters = append(clusters, activities.WatchedCluster{ClusterRef: c.ClusterRef, Dependents: c.Dependents})
		}
	}
	return clusters
}

func (r *run) endPrune(ctx workflow.Context) error {
	status := offboard.Completed
	if r.state.Remains() {
		status = offboard.Incomplete
	}
	r.end(status, "%s", r.state.PrunedSentence())
	return nil
}
