package offboard_test

import (
	"fmt"
	"slices"
	"time"

	"offboard/internal/offboard"
)

// run is one ended offboarding that people know by name; its report is a golden file.
type run struct {
	name   string
	report offboard.Report
}

// runs are reports of every status.
func runs() []run {
	return []run{
		{"completed", completed()},
		{"incomplete", incomplete()},
		{"planned", planned()},
		{"rejected", rejected()},
		{"reinstated", reinstated()},
		{"rolled back", rolledBack()},
		{"already gone", alreadyGone()},
		{"without approval", automatic()},
		{"under way", underWay()},
	}
}

// begun is a run before its plan.
func begun(status offboard.Status, message string) offboard.Progress {
	return offboard.Progress{
		WorkflowID: "offboard/" + accountID + "/1f0e9d8c7b6a", RunID: "0199c2f4-6a1e-7c53-9f0a-1b2c3d4e5f60", Namespace: "default",
		Status: status, Phase: offboard.PhaseReport, Request: request(), Account: accountID, Engine: "engine@acme.example",
		Leaver: leaver, Message: message,
	}
}

// clockwork enters phases one after the other, each as long as it says.
func clockwork(p *offboard.Progress, start time.Time, phases ...phase) time.Time {
	now := start
	for _, ph := range phases {
		p.Enter(ph.phase, now)
		now = now.Add(ph.took)
	}
	if n := len(p.Timings); n > 0 {
		p.Timings[n-1].Ended = now
	}
	return now
}

type phase struct {
	phase offboard.Phase
	took  time.Duration
}

var fullRun = []phase{
	{offboard.PhaseAdmit, 2 * time.Second}, {offboard.PhaseWait, 76 * time.Hour}, {offboard.PhaseSurvey, 48 * time.Second}, {offboard.PhasePlan, 200 * time.Millisecond},
	{offboard.PhaseApprove, 5*time.Hour + 12*time.Minute}, {offboard.PhasePrepare, 7 * time.Minute}, {offboard.PhaseHandOver, 34 * time.Minute},
	{offboard.PhaseDisable, 9 * time.Second}, {offboard.PhaseSoak, 24 * time.Hour}, {offboard.PhaseDelete, 11 * time.Second},
	{offboard.PhaseRemove, 95 * time.Second}, {offboard.PhaseClean, 20 * time.Second}, {offboard.PhaseReport, 300 * time.Millisecond},
}

// completed is a run with everything in it that went well, after one hold.
func completed() offboard.Report {
	p := begun(offboard.Completed, "All 4 scopes are handed over, all 6 keys are deleted and the user is removed.")
	p.Request.LastDay = time.Date(2026, 9, 11, 17, 0, 0, 0, time.FixedZone("CEST", 2*60*60))
	plan := planOf(editsOf("everything at once")...)
	p.Begin(plan, answersTo(plan))
	start := surveyedAt.Add(-76*time.Hour - 2*time.Second)
	end := clockwork(&p, start, fullRun...)
	at := map[offboard.Phase]time.Time{}
	for _, t := range p.Timings {
		at[t.Phase] = t.Started
	}
	p.Approval = &offboard.Approval{By: "approver@acme.example", Digest: plan.Digest, At: at[offboard.PhasePrepare], Verified: true, Note: "Agreed with the team leads."}
	p.Prepared = []offboard.Prepared{
		{Email: "clusters-1@acme.example", IAMID: "IBMid-3001FUNCTI", Step: "ready", Done: true, Group: "offboard-clusters-1", Granted: []string{"kubernetes platform " + shop}},
		{Email: "clusters-2@acme.example", IAMID: "IBMid-3002FUNCTI", Step: "ready", Done: true, Invited: true, Group: "offboard-clusters-2"},
	}
	p.Record(offboard.Change{At: at[offboard.PhasePrepare].Add(time.Minute), What: "invited clusters-2@acme.example", Target: "clusters-2@acme.example", By: "engine@acme.example", Event: "user-management.user.invite"})
	handOverAll(&p, at[offboard.PhaseHandOver])
	p.Answers = []offboard.HoldAnswer{{Subject: "us-south/" + shop, Step: "restart by hand", Action: offboard.ActionRetry, By: "sre@acme.example",
		Note: "Restarted both controllers from the jump host.", At: at[offboard.PhaseHandOver].Add(31 * time.Minute)}}
	p.DisabledAt = at[offboard.PhaseSoak]
	for i := range p.Keys {
		k := &p.Keys[i]
		k.State, k.Disabled = offboard.KeyDeleted, true
		k.DisabledAt, k.DeletedAt = p.DisabledAt.Add(-time.Duration(len(p.Keys)-i)*time.Second), at[offboard.PhaseRemove].Add(-time.Duration(len(p.Keys)-i)*time.Second)
		p.Record(offboard.Change{At: k.DisabledAt, What: "disabled key " + k.Name, Target: k.ID, By: "engine@acme.example", Event: "iam-identity.user-apikey.update"})
	}
	for _, k := range p.Keys {
		p.Record(offboard.Change{At: k.DeletedAt, What: "deleted key " + k.Name, Target: k.ID, By: "engine@acme.example", Event: "iam-identity.user-apikey.delete"})
	}
	p.UserRemoved = true
	p.Record(offboard.Change{At: at[offboard.PhaseRemove].Add(2 * time.Second), What: "removed the user from the account", Target: leaver.IAMID, By: "engine@acme.example", Event: "user-management.user.delete"})
	for _, b := range plan.Bindings {
		p.Record(offboard.Change{At: at[offboard.PhaseClean].Add(time.Second), What: "removed the leaver from " + b.Binding.String(), Target: b.Target(), By: "engine@acme.example"})
	}
	noteRequests(&p)
	return offboard.NewReport(p, end)
}

// noteRequests gives every change that IBM was asked for the ID of its request.
func noteRequests(p *offboard.Progress) {
	for i := range p.Changes {
		if c := &p.Changes[i]; c.Event != "" {
			c.RequestID = fmt.Sprintf("9f2c6b1e-77d0-4c1a-8f35-%012x", i+1)
		}
	}
}

// answersTo says the safest to every question.
func answersTo(plan offboard.Plan) map[string]string {
	answers := map[string]string{}
	for _, f := range plan.Findings {
		if f.Severity == offboard.Decision {
			answers[f.ID] = f.Options[0]
		}
	}
	return answers
}

func handOverAll(p *offboard.Progress, from time.Time) {
	for i := range p.Scopes {
		s := &p.Scopes[i]
		s.State, s.Started, s.Ended = offboard.ScopeDone, from.Add(time.Duration(i)*2*time.Second), from.Add(time.Duration(9+8*i)*time.Minute)
		s.Run = p.WorkflowID + "/" + s.Scope.ID()
		owner := colleague.Email
		if s.Action == offboard.Reset {
			s.KeyMade, s.ResetSent, owner = "ApiKey-new-"+s.Scope.Region+"-"+s.Scope.ResourceGroupName, true, s.FunctionalID
			p.Record(offboard.Change{At: s.Started.Add(5 * time.Second), What: "reset the cluster key of " + s.Scope.String(), Target: s.KeyMade, By: s.FunctionalID, Event: "containers-kubernetes.account-api-key.reset"})
		}
		for j := range s.Clusters {
			c := &s.Clusters[j]
			c.Owner, c.Refreshed, c.Healthy = owner, true, true
			for _, d := range p.Plan.Handovers[i].Clusters[j].Dependents {
				c.Restarted = append(c.Restarted, d.String())
			}
			p.Record(offboard.Change{At: s.Started.Add(time.Minute), What: "refreshed the master of " + c.Name, Target: c.ID, By: "engine@acme.example", Event: "containers-kubernetes.cluster-master.refresh"})
		}
	}
}

// incomplete is a run in which one scope was skipped and one key kept.
func incomplete() offboard.Report {
	p := begun(offboard.Incomplete, "One scope was not handed over and two keys stay alive, so the user stays.")
	plan := planOf(editsOf("everything at once")...)
	answers := answersTo(plan)
	answers["key/ApiKey-ci"] = offboard.AnswerKeep
	answers["key/ApiKey-gone"] = offboard.AnswerRetire
	p.Begin(plan, answers)
	end := clockwork(&p, surveyedAt, fullRun[2:]...)
	p.Approval = &offboard.Approval{By: "approver@acme.example", Digest: plan.Digest, At: surveyedAt.Add(5 * time.Hour)}
	p.Changed = []string{"A key is new: ApiKey-idle (laptop), locked false, disabled false"}
	handOverAll(&p, p.Timings[4].Started)
	last := &p.Scopes[len(p.Scopes)-1]
	last.State, last.Step = offboard.ScopeSkipped, "reset"
	p.Changes = slices.DeleteFunc(p.Changes, func(c offboard.Change) bool { return c.Target == "id-vault" || c.Target == last.KeyMade })
	last.KeyMade, last.ResetSent = "", false
	last.Clusters[0] = offboard.ClusterProgress{ClusterRef: last.Clusters[0].ClusterRef, Owner: leaver.Email, Manual: "private service endpoint only"}
	p.KeepKeysOf(last.Scope)
	p.DisabledAt = p.Timings[6].Started
	for i := range p.Keys {
		if k := &p.Keys[i]; k.State == offboard.KeyActive {
			k.State, k.Disabled, k.DisabledAt, k.DeletedAt = offboard.KeyDeleted, true, p.DisabledAt, p.DisabledAt.Add(24*time.Hour)
		}
	}
	p.Answers = []offboard.HoldAnswer{{Subject: last.Scope.ID(), Step: "reset", Action: offboard.ActionSkip, By: "sre@acme.example", At: p.Timings[4].Started.Add(20 * time.Minute)}}
	p.Waivers = []string{"the master of cluster stage was not seen settled"}
	p.Residual = []string{"Classic infrastructure credentials of ops were left as they are."}
	return offboard.NewReport(p, end)
}

func planned() offboard.Report {
	p := begun(offboard.Planned, "This is the plan. Nothing was changed.")
	p.Request.Mode = offboard.ModePlan
	plan := planOf(append(editsOf("everything at once"), withClassicUser("leaver@acme.example"))...)
	p.Plan = &plan
	return offboard.NewReport(p, clockwork(&p, surveyedAt, fullRun[2], fullRun[3]))
}

func rejected() offboard.Report {
	p := begun(offboard.Rejected, "boss@acme.example rejected the plan: not before the release.")
	plan := planOf(editsOf("one scope")...)
	p.Plan = &plan
	return offboard.NewReport(p, clockwork(&p, surveyedAt, fullRun[2:5]...))
}

func reinstated() offboard.Report {
	p := begun(offboard.Reinstated, "hr@acme.example reinstated the person during the soak; the keys work again.")
	plan := planOf(editsOf("one scope")...)
	p.Begin(plan, nil)
	p.Approval = &offboard.Approval{By: "approver@acme.example", Digest: plan.Digest, At: surveyedAt.Add(time.Hour)}
	end := clockwork(&p, surveyedAt, append(append([]phase{}, fullRun[2:8]...), phase{offboard.PhaseSoak, 3 * time.Hour}, phase{offboard.PhaseUndo, 20 * time.Second})...)
	handOverAll(&p, p.Timings[4].Started)
	p.DisabledAt = p.Timings[6].Started
	p.Record(offboard.Change{At: end.Add(-time.Second), What: "enabled key " + offboard.ClusterKeyName, Target: "ApiKey-current", By: "engine@acme.example", Event: "iam-identity.user-apikey.update", Undo: true})
	noteRequests(&p)
	return offboard.NewReport(p, end)
}

func rolledBack() offboard.Report {
	p := begun(offboard.RolledBack, "The functional ID's key was refused; what was prepared is taken back.")
	plan := planOf(editsOf("one scope")...)
	p.Begin(plan, nil)
	p.Approval = &offboard.Approval{By: "approver@acme.example", Digest: plan.Digest, At: surveyedAt.Add(time.Hour)}
	end := clockwork(&p, surveyedAt, append(append([]phase{}, fullRun[2:6]...), phase{offboard.PhaseUndo, 4 * time.Second})...)
	p.Scopes[0].State, p.Scopes[0].Step = offboard.ScopeFailed, "prepare"
	return offboard.NewReport(p, end)
}

func alreadyGone() offboard.Report {
	p := begun(offboard.AlreadyGone, "Nobody in the account has the name leaver@acme.example. Nothing was changed.")
	p.Leaver = offboard.Person{}
	return offboard.NewReport(p, clockwork(&p, surveyedAt, fullRun[0]))
}

func automatic() offboard.Report {
	p := begun(offboard.Completed, "All keys are deleted and the user is removed.")
	plan := planOf(editsOf("cluster key that cannot be read")...)
	p.Begin(plan, answersTo(plan))
	p.Approval = &offboard.Approval{Digest: plan.Digest, At: surveyedAt, Automatic: true}
	p.Keys[0].State, p.Keys[0].DeletedAt = offboard.KeyDeleted, day(1)
	p.UserRemoved = true
	return offboard.NewReport(p, day(1))
}

// underWay is not an end; a report of it is a look at a run that needs a person.
func underWay() offboard.Report {
	p := begun(offboard.Running, "")
	plan := planOf(editsOf("one scope")...)
	p.Begin(plan, nil)
	p.Phase, p.Waiting = offboard.PhaseHandOver, "a person"
	p.Scopes[0].State, p.Scopes[0].Step = offboard.ScopeHeld, "verify"
	p.Holds = []offboard.Hold{holdOn("eu-de/" + shop)}
	return offboard.NewReport(p, surveyedAt)
}

func holdOn(subject string) offboard.Hold {
	return offboard.Hold{
		Subject: subject, Step: "verify", Code: offboard.Pending, Problem: "The new key is not the clusters' yet.",
		Means: "Clusters prod and stage still work with the leaver's key.", Retry: "looks again", Skip: "leaves the scope with the leaver",
		Abort: "undoes everything", Since: surveyedAt,
	}
}
