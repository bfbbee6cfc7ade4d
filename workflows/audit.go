package workflows

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"offboard/activities"
	"offboard/internal/offboard"
)

// looks gives the names and types of an audit's activities; it is never dereferenced. An audit uses no others, so that
// nothing it does can change anything.
var looks *activities.Auditor

// listing is reading for lists of a whole account: with every key asked for its last use, thousands of calls are one
// attempt. It begins anew when a worker dies, so one that only stands still for a moment is given time; nobody waits for an
// audit.
var listing = preset{attempt: time.Hour, budget: 3 * time.Hour, first: time.Second, factor: 2, most: time.Minute, silence: 30 * time.Second}

// audit is one audit under way.
type audit struct {
	state  offboard.AuditProgress
	adm    offboard.Admission
	policy offboard.Policy
	survey offboard.AuditSurvey
	before *offboard.AuditDigest
}

// auditWorkflow tells who would break the clusters if they left today. Its input is one JSON object, see
// offboard.AuditRequest, or nothing at all; its result is an offboard.Audit. What cannot be read is a finding; it fails for
// wrong input, and where not even the account can be looked up. It changes nothing.
func auditWorkflow(ctx workflow.Context, input, second converter.RawValue) (offboard.Audit, error) {
	info := workflow.GetInfo(ctx)
	a := &audit{state: offboard.AuditProgress{WorkflowID: info.WorkflowExecution.ID, RunID: info.OriginalRunID, Namespace: info.Namespace,
		Status: offboard.Running, Started: workflow.Now(ctx)}}
	err := workflow.SetQueryHandlerWithOptions(ctx, StatusQuery, func() (offboard.AuditProgress, error) { return a.state, nil },
		workflow.QueryHandlerOptions{Description: "How far the audit is"})
	if err != nil {
		return offboard.Audit{}, err
	}
	admit := func(ctx workflow.Context) error { return a.admit(ctx, input, second) }
	for _, step := range []func(workflow.Context) error{admit, a.list, a.owners, a.people, a.judge} {
		if err := step(ctx); err != nil {
			return offboard.Audit{}, refused(ctx, err)
		}
	}
	return a.conclude(ctx)
}

// refused says on the run's page why there is no audit, and makes wrong input what callers know it by.
func refused(ctx workflow.Context, err error) error {
	if stopped(err) {
		return err
	}
	text := problem(err)
	if wrong, yes := errors.AsType[*offboard.InvalidInput](err); yes {
		text = wrong.Error()
		err = temporal.NewNonRetryableApplicationError(text, InvalidInput, nil)
	}
	workflow.SetCurrentDetails(ctx, "## Not started\n\n"+text)
	return err
}

// admit decodes the input and reads whose account it is.
func (a *audit) admit(ctx workflow.Context, input, second converter.RawValue) error {
	data, err := single(input, second)
	if err != nil {
		return err
	}
	if a.state.Request, err = offboard.DecodeAuditRequest(data); err != nil {
		return err
	}
	a.step(ctx, "looking up the account")
	adm, err := do(ctx, reading, "Look up the account", looks.AuditAccount, activities.AuditAccountInput{})
	if err != nil {
		return err
	}
	a.adm = adm
	if problems := adm.ProblemsOfAudit(a.state.Request, -1); len(problems) > 0 {
		return &offboard.InvalidInput{Problems: problems, Example: offboard.AuditExample}
	}
	a.policy, a.state.Account = adm.Policy, adm.Account.ID
	a.survey = offboard.AuditSurvey{TakenAt: workflow.Now(ctx), Request: a.state.Request, Account: adm.Account, Engine: adm.Engine}
	return a.mark(ctx)
}

// step notes what the audit does and shows it.
func (a *audit) step(ctx workflow.Context, what string) {
	a.state.Step = what
	a.show(ctx)
}

func (a *audit) show(ctx workflow.Context) {
	workflow.SetCurrentDetails(ctx, offboard.AuditDetails(a.state))
}

// mark writes the search attributes, by which the next audit finds this one.
func (a *audit) mark(ctx workflow.Context) error {
	return workflow.UpsertTypedSearchAttributes(ctx, AccountAttribute.ValueSet(a.state.Account), StatusAttribute.ValueSet(string(a.state.Status)))
}

// miss notes a part that could not be read and lets the audit go on; only a cancelled one ends.
func (a *audit) miss(ctx workflow.Context, err error, id, what string) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	a.survey.Missing = append(a.survey.Missing, offboard.Missing{ID: id, What: what, Why: problem(err)})
	return nil
}

// list reads the lists that need nothing else: clusters, profiles, service IDs, the audit before this one.
func (a *audit) list(ctx workflow.Context) error {
	a.step(ctx, "listing clusters, trusted profiles and service IDs")
	parts := []func(workflow.Context) error{
		func(ctx workflow.Context) error {
			got, err := do(ctx, listing, "List the clusters of every region and resource group", looks.AuditClusters, activities.SurveyClustersInput{})
			a.survey.Groups, a.survey.Hidden = got.Groups, got.Hidden
			a.survey.Missing = append(a.survey.Missing, got.Missing...)
			for _, c := range got.Clusters {
				a.survey.Clusters = append(a.survey.Clusters, offboard.ClusterEvidence{Cluster: c})
			}
			return a.miss(ctx, err, "clusters", "The clusters of the account could not be listed")
		},
		func(ctx workflow.Context) error {
			got, err := do(ctx, listing, "List trusted profiles and service IDs", looks.AuditIdentities, activities.AuditIdentitiesInput{})
			a.survey.Profiles, a.survey.ServiceIDs = got.Profiles, got.ServiceIDs
			a.survey.Missing = append(a.survey.Missing, got.Missing...)
			return a.miss(ctx, err, "identities", "Trusted profiles and service IDs could not be listed")
		},
		func(ctx workflow.Context) error {
			got, err := do(ctx, telling, "Find the audit before this one", looks.FindAudit, activities.FindAuditInput{Account: a.state.Account, RunID: a.state.RunID})
			a.before = got.Previous
			return a.miss(ctx, err, "previous", "The audit before this one could not be read, so nothing is said of differences")
		},
	}
	return firstOf(each(ctx, len(parts), parts, "list", func(ctx workflow.Context, _ int, part func(workflow.Context) error) error { return part(ctx) }))
}

// live are the indexes of the clusters that are not going away.
func (a *audit) live() []int {
	var list []int
	for i, c := range a.survey.Clusters {
		if !c.Cluster.Going() {
			list = append(list, i)
		}
	}
	return list
}

// owners asks of each cluster whose key it depends on.
func (a *audit) owners(ctx workflow.Context) error {
	live := a.live()
	a.state.Clusters = len(live)
	a.step(ctx, "asking whose key each cluster depends on")
	clusters := a.survey.Clusters
	return firstOf(each(ctx, parallelReads, slices.Collect(slices.Chunk(live, chunk)), "owners", func(ctx workflow.Context, _ int, part []int) error {
		in := activities.SurveyOwnersInput{}
		for _, i := range part {
			c := clusters[i].Cluster
			in.Clusters = append(in.Clusters, activities.ClusterInScope{ClusterRef: offboard.ClusterRef{ID: c.ID, Name: c.Name}, Scope: c.Scope()})
		}
		got, err := do(ctx, reading, "Ask whose key each cluster depends on", looks.AuditOwners, in)
		for _, i := range part {
			c := &clusters[i].Cluster
			c.Owner = got.Owners[c.ID]
			if err != nil {
				a.survey.Missing = append(a.survey.Missing, offboard.Missing{ID: "owner/" + c.ID, What: "Whose key cluster " + c.Name + " depends on is not known", Why: problem(err)})
			}
		}
		a.survey.Missing = append(a.survey.Missing, got.Missing...)
		a.state.Asked += len(part)
		a.show(ctx)
		return ctx.Err()
	}))
}

// people reads who the owners are and which keys there are.
func (a *audit) people(ctx workflow.Context) error {
	a.step(ctx, "listing users and API keys")
	in := activities.AuditPeopleInput{EveryKey: a.state.Request.EveryKey, Policy: a.policy, Engine: a.survey.Engine.IAMID}
	for _, c := range a.survey.Clusters {
		if email := strings.ToLower(c.Cluster.Owner.Email); email != "" {
			in.Owners = append(in.Owners, email)
		}
	}
	for _, p := range a.survey.Profiles {
		in.Named = append(in.Named, p.Users...)
	}
	for _, s := range a.survey.ServiceIDs {
		if s.Creator != "" {
			in.Named = append(in.Named, s.Creator)
		}
	}
	slices.Sort(in.Owners)
	slices.Sort(in.Named)
	in.Owners, in.Named = slices.Compact(in.Owners), slices.Compact(in.Named)
	got, err := do(ctx, listing, "List users and API keys", looks.AuditPeople, in)
	if err != nil { // without people nothing can be said of anybody
		if err := a.miss(ctx, err, "people", "The account's users and API keys could not be listed, so nothing is said of people"); err != nil {
			return err
		}
		a.survey.Clusters, a.survey.Profiles, a.survey.ServiceIDs = nil, nil, nil
		return nil
	}
	if problems := a.adm.ProblemsOfAudit(a.state.Request, got.Users); len(problems) > 0 {
		return &offboard.InvalidInput{Problems: problems, Example: offboard.AuditExample}
	}
	s := &a.survey
	s.Users, s.UserKeys, s.People, s.Keys, s.FunctionalIDs = got.Users, got.UserKeys, got.People, got.Keys, got.FunctionalIDs
	s.Unread, s.Blind = got.Unread, got.Blind
	if i := slices.IndexFunc(s.People, func(p offboard.Person) bool { return p.IAMID == s.Engine.IAMID }); i >= 0 && s.Engine.Email == "" {
		s.Engine.Email = s.People[i].Email
	}
	return nil
}

// wanted are the IDs of the keys whose last use, and the IAM IDs of the owners whose access is asked for.
type wanted struct {
	Keys   []string `json:"keys,omitempty"`
	Owners []string `json:"owners,omitempty"`
}

// judge reads what the owners' keys, rights and clusters tell.
func (a *audit) judge(ctx workflow.Context) error {
	a.step(ctx, "asking for the last use of keys and for the owners' access")
	encoded := workflow.SideEffectWithOptions(ctx, workflow.SideEffectOptions{Summary: "The keys and people to ask for, by what was listed"},
		func(workflow.Context) any { return wanted{Keys: a.survey.LastUseWanted(), Owners: a.survey.Owners()} })
	var ask wanted
	if err := encoded.Get(&ask); err != nil {
		return err
	}
	parts := []func(workflow.Context) error{
		func(ctx workflow.Context) error { return a.uses(ctx, ask.Keys) },
		func(ctx workflow.Context) error { return a.rights(ctx, ask.Owners) },
	}
	if a.state.Request.Dependents {
		a.step(ctx, "looking into the clusters")
		parts = append(parts, a.inside, a.classic)
	}
	err := firstOf(each(ctx, len(parts), parts, "judge", func(ctx workflow.Context, _ int, part func(workflow.Context) error) error { return part(ctx) }))
	slices.SortStableFunc(a.survey.Missing, func(x, y offboard.Missing) int { return cmp.Compare(x.ID, y.ID) })
	slices.Sort(a.survey.Unread)
	return err
}

func (a *audit) uses(ctx workflow.Context, wanted []string) error {
	keys := a.survey.Keys
	return firstOf(each(ctx, parallelReads, slices.Collect(slices.Chunk(wanted, chunk)), "uses", func(ctx workflow.Context, _ int, part []string) error {
		got, err := do(ctx, reading, "Ask for the last use of API keys", looks.AuditUse, activities.AuditUseInput{Keys: part})
		if err != nil {
			a.survey.Unread = append(a.survey.Unread, part...)
			return a.miss(ctx, err, "uses/"+part[0], "The last use of some API keys is not known")
		}
		for i := range keys {
			if used, known := got.LastUsed[keys[i].ID]; known {
				keys[i].LastUsed = used
			}
		}
		a.survey.Unread = append(a.survey.Unread, got.Unread...)
		return nil
	}))
}

func (a *audit) rights(ctx workflow.Context, owners []string) error {
	if len(owners) == 0 {
		return nil
	}
	got, err := do(ctx, listing, "List what the owners of clusters may do", looks.AuditRights, activities.AuditRightsInput{Owners: owners})
	a.survey.Rights = got.Rights
	a.survey.Missing = append(a.survey.Missing, got.Missing...)
	return a.miss(ctx, err, "rights", "Whether the owners of clusters have the access they need is not known")
}

// inside looks into every cluster.
func (a *audit) inside(ctx workflow.Context) error {
	clusters := a.survey.Clusters
	return firstOf(each(ctx, parallelReads, slices.Collect(slices.Chunk(a.live(), chunk)), "inside", func(ctx workflow.Context, _ int, part []int) error {
		in := activities.AuditInsideInput{Policy: a.policy}
		for _, i := range part {
			in.Clusters = append(in.Clusters, clusters[i].Cluster)
		}
		got, err := do(ctx, listing, "Look into clusters", looks.AuditInside, in)
		for _, found := range got.Clusters {
			if i := slices.IndexFunc(clusters, func(c offboard.ClusterEvidence) bool { return c.Cluster.ID == found.Cluster.ID }); i >= 0 {
				clusters[i] = found
			}
		}
		a.survey.Missing = append(a.survey.Missing, got.Missing...)
		a.state.Inside += len(part)
		a.show(ctx)
		return a.miss(ctx, err, "inside/"+in.Clusters[0].ID, "Some clusters could not be looked into")
	}))
}

// classic asks of every scope with clusters whose manual classic credentials it uses.
func (a *audit) classic(ctx workflow.Context) error {
	var scopes []offboard.Scope
	for _, i := range a.live() {
		scope := a.survey.Clusters[i].Cluster.Scope()
		if !slices.ContainsFunc(scopes, func(s offboard.Scope) bool { return s.ID() == scope.ID() }) {
			scopes = append(scopes, scope)
		}
	}
	a.survey.Classic = map[string]string{}
	return firstOf(each(ctx, parallelReads, slices.Collect(slices.Chunk(scopes, chunk)), "classic", func(ctx workflow.Context, _ int, part []offboard.Scope) error {
		got, err := do(ctx, reading, "Ask for manual classic credentials", looks.AuditClassic, activities.AuditClassicInput{Scopes: part})
		for _, scope := range part {
			if user := got.Users[scope.ID()]; user != "" {
				a.survey.Classic[scope.ID()] = user
			}
		}
		a.survey.Missing = append(a.survey.Missing, got.Missing...)
		return a.miss(ctx, err, "classic", "It is not known which scopes use manual classic credentials")
	}))
}

// conclude draws the conclusions, keeps them and shows them.
func (a *audit) conclude(ctx workflow.Context) (offboard.Audit, error) {
	a.step(ctx, "drawing the conclusions")
	var result offboard.Audit
	// A side effect records them: a worker with other rules replays this run with these.
	encoded := workflow.SideEffectWithOptions(ctx, workflow.SideEffectOptions{Summary: "The audit, computed from what was read and from the policy"},
		func(workflow.Context) any {
			made := offboard.NewAudit(a.survey, a.policy)
			if a.before != nil {
				made = made.Compared(*a.before)
			}
			return made
		})
	if err := encoded.Get(&result); err != nil {
		return result, err
	}
	result.WorkflowID, result.RunID, result.Namespace = a.state.WorkflowID, a.state.RunID, a.state.Namespace
	// An audit that cannot be stored is still the result of the run.
	name := "audit-" + result.Account + "-" + result.RunID
	if _, err := do(ctx, telling, "Store the audit", looks.KeepAudit, activities.KeepAuditInput{Name: name, Audit: result}); err != nil {
		if ctx.Err() != nil {
			return result, ctx.Err()
		}
		workflow.GetLogger(ctx).Warn("The audit could not be stored", "Error", err)
	}
	a.state.Status, a.state.Step, a.state.Message, a.state.Ended = offboard.Completed, "", result.Message, workflow.Now(ctx)
	workflow.SetCurrentDetails(ctx, result.Details())
	return result, a.mark(ctx)
}
