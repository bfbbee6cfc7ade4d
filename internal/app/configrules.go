package app

import (
	"fmt"
	"path"
	"reflect"
	"slices"
	"strings"

	"offboard/internal/offboard"
)

// mayBeZero are the durations of the policy for which none is an answer: no minimum besides the life of a token, no
// question about recent use, the engine's own budgets.
var mayBeZero = map[string]bool{"minimumSoak": true, "recentUse": true, "stepBudget": true}

func checkPolicy(d *document, p offboard.Policy) {
	for i, pattern := range p.Protected {
		at := fmt.Sprintf("policy.protected[%d]", i)
		if _, err := path.Match(pattern, ""); err != nil || strings.TrimSpace(pattern) == "" {
			d.problem(at, "%s %q is not a pattern: write an e-mail address or an IAM ID, * stands for any characters", at, pattern)
		}
	}
	v := reflect.ValueOf(p)
	for i := range v.NumField() {
		length, isDuration := v.Field(i).Interface().(offboard.Duration)
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		switch {
		case !isDuration:
		case length < 0:
			d.problem("policy."+name, "policy.%s is negative", name)
		case length == 0 && !mayBeZero[name]:
			d.problem("policy."+name, "policy.%s must be longer than zero", name)
		}
	}
	if p.ParallelScopes < 1 {
		d.problem("policy.parallelScopes", "policy.parallelScopes must be at least 1")
	}
}

// checkApprovers: a demand for verified approvals that nobody can meet would hold every run.
func checkApprovers(d *document, p offboard.Policy) {
	for i, text := range p.ApproverKeys {
		if _, err := offboard.ParseApproverKey(text); err != nil {
			d.problem(fmt.Sprintf("policy.approverKeys[%d]", i), "policy.approverKeys[%d] %v", i, err)
		}
	}
	if p.VerifiedApproval && p.AllowUnapproved {
		d.problem("policy.allowUnapproved", "policy.allowUnapproved permits what policy.verifiedApproval forbids: choose one")
	}
	if p.VerifiedApproval && len(p.ApproverKeys) == 0 {
		d.problem("policy.verifiedApproval", "policy.verifiedApproval asks for verified approvals, but policy.approverKeys names no door that could vouch for anybody")
	}
}

// checkFallback: the fallback identity acts with a key of its own, and takes scopes back from somebody else.
func checkFallback(d *document, f fileFields) {
	who := f.Policy.Fallback
	if who == "" {
		return
	}
	known := slices.ContainsFunc(f.FunctionalIDs, func(id fileFunctionalID) bool { return strings.EqualFold(id.Email, who) })
	switch {
	case !known:
		d.problem("policy.fallback", "policy.fallback %q is none of functionalIds, so there is no key to act with: name it there too", who)
	case len(f.FunctionalIDs) == 1:
		d.problem("policy.fallback", "policy.fallback is the only one of functionalIds: name one more, which takes the scopes first")
	}
}

func checkDependents(d *document, rules []offboard.DependentRule) {
	names := map[string]bool{}
	for _, r := range offboard.BuiltinDependents() {
		names[r.Name] = true
	}
	for i, r := range rules {
		at := fmt.Sprintf("dependents[%d]", i)
		for _, f := range []struct{ name, value string }{
			{"name", r.Name}, {"namespace", r.Namespace}, {"podPrefix", r.PodPrefix}, {"breaks", r.Breaks},
		} {
			if strings.TrimSpace(f.value) == "" {
				d.problem(at+"."+f.name, "%s has no %s", at, f.name)
			}
		}
		if names[r.Name] && r.Name != "" {
			d.problem(at+".name", "%s.name %q is taken by another dependent", at, r.Name)
		}
		names[r.Name] = true
	}
}

func checkWorker(d *document, w WorkerConfig) {
	if w.MaxConcurrentActivities < 1 {
		d.problem("worker.maxConcurrentActivities", "worker.maxConcurrentActivities must be at least 1")
	}
	// One workflow task can run beside the sticky one only from two on; the SDK refuses one.
	if w.MaxConcurrentWorkflowTasks < 0 || w.MaxConcurrentWorkflowTasks == 1 {
		d.problem("worker.maxConcurrentWorkflowTasks", "worker.maxConcurrentWorkflowTasks must be 2 or more, or left out")
	}
	if w.ContainersCalls < 0 {
		d.problem("worker.containersCalls", "worker.containersCalls is negative: it is how many requests the containers API is sent in 10 s, and 0 means no limit")
	}
	if w.Drain < 0 {
		d.problem("worker.drain", "worker.drain is negative")
	}
}
