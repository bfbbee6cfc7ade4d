package activities_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"offboard/activities"
	"offboard/internal/offboard"
)

func TestAdmit(t *testing.T) {
	c := newCloud()
	c.people = []offboard.Person{{IAMID: "IBMid-1", Email: "engine@acme.example"}, {IAMID: "IBMid-2", Email: "Leaver@acme.example"}}
	a := c.activities()
	for _, user := range []string{"leaver@ACME.example", "ibmid-2"} {
		adm, err := do(t, try{}, a.Admit, a, activities.AdmitInput{User: user})
		require.NoError(t, err)
		require.Equal(t, c.people[1:], adm.People)
		require.Equal(t, 2, adm.Account.VisibleUsers)
		require.Equal(t, "engine@acme.example", adm.Engine.Email)
		require.Equal(t, []string{functional}, adm.FunctionalIDs)
	}
	adm, err := do(t, try{}, a.Admit, a, activities.AdmitInput{User: "leavr@acme.example"})
	require.NoError(t, err)
	require.Empty(t, adm.People)
	require.Equal(t, []string{"Leaver@acme.example"}, adm.Similar)
	for _, verb := range []string{"WhoAmI", "Account", "People"} {
		c.fail = map[string]error{verb: refused(offboard.Denied)}
		_, err := do(t, try{}, a.Admit, a, activities.AdmitInput{})
		require.Equal(t, offboard.Denied, code(t, err), verb)
	}
	holder, err := do(t, try{}, a.FindHolder, a, activities.FindHolderInput{Claim: "claim"})
	require.NoError(t, err)
	require.Equal(t, "run-of-hr", holder.WorkflowID)
}

// Whoever disabled a key first: an undo enables exactly the keys that this engine disabled.
func TestDisableKeyTellsOursFromTheirs(t *testing.T) {
	tests := map[string]struct {
		how   try
		key   *offboard.Key
		want  activities.KeyResult
		calls int
	}{
		"an active key":                          {key: &offboard.Key{ID: "k"}, calls: 1},
		"disabled by somebody else":              {key: &offboard.Key{ID: "k", Disabled: true}, want: activities.KeyResult{Already: true}},
		"disabled by an earlier attempt of ours": {how: try{attempt: 2}, key: &offboard.Key{ID: "k", Disabled: true}},
		"gone":                                   {want: activities.KeyResult{Gone: true}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := newCloud()
			if test.key != nil {
				c.keys["k"] = *test.key
			}
			a := c.activities()
			got, err := do(t, test.how, a.DisableKey, a, activities.KeyInput{ID: "k"})
			require.NoError(t, err)
			require.Equal(t, test.want, got)
			require.Equal(t, test.calls, c.called("Disable"))
		})
	}
	c := newCloud()
	c.fail["Key"] = refused(offboard.Unavailable)
	a := c.activities()
	_, err := do(t, try{}, a.DisableKey, a, activities.KeyInput{ID: "k"})
	require.Equal(t, offboard.Unavailable, code(t, err))
}

// A key that is gone is a success for every verb, and every other refusal is told.
func TestKeyThatIsGone(t *testing.T) {
	c := newCloud()
	a := c.activities()
	for name, verb := range map[string]func() (activities.KeyResult, error){
		"Enable": func() (activities.KeyResult, error) {
			return do(t, try{}, a.EnableKey, a, activities.KeyInput{ID: "k"})
		},
		"Unlock": func() (activities.KeyResult, error) {
			return do(t, try{}, a.UnlockKey, a, activities.KeyInput{ID: "k"})
		},
		"Lock": func() (activities.KeyResult, error) { return do(t, try{}, a.LockKey, a, activities.KeyInput{ID: "k"}) },
		"Delete": func() (activities.KeyResult, error) {
			return do(t, try{}, a.DeleteKey, a, activities.KeyInput{ID: "k"})
		},
	} {
		delete(c.keys, "k")
		got, err := verb()
		require.NoError(t, err, name)
		require.True(t, got.Gone, name)
		c.keys["k"] = offboard.Key{ID: "k"}
		for range 2 {
			got, err = verb()
			require.NoError(t, err, name)
			require.False(t, got.Gone, name)
		}
		c.fail[name] = refused(offboard.Locked)
		_, err = verb()
		require.Equal(t, offboard.Locked, code(t, err), name)
	}
}

// A refusal counts as not yet for a while, and is final after that.
func TestPatience(t *testing.T) {
	const patience = offboard.Duration(20 * time.Minute)
	prove := activities.ProveInput{Email: functional, IAMID: "IBMid-1", Account: "acc", Patience: patience}
	sees := activities.AwaitGrantsInput{Email: functional, Patience: patience, Scopes: []activities.ScopeClusters{{Scope: scope, Clusters: []string{prod.ID, stage.ID}}}}
	early, late := try{scheduled: noon.Add(-19 * time.Minute)}, try{scheduled: noon.Add(-21 * time.Minute)}
	tests := map[string]struct {
		how     try
		refusal error
		want    offboard.Code
	}{
		"a refusal at first":     {early, refused(offboard.Denied), offboard.Pending},
		"nothing there at first": {early, refused(offboard.NotFound), offboard.Pending},
		"a refusal at last":      {late, refused(offboard.Denied), offboard.Denied},
		"an outage":              {late, refused(offboard.Unavailable), offboard.Unavailable},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := newCloud()
			c.fail["Prove"], c.fail["Sees"] = test.refusal, test.refusal
			a := c.activities()
			_, err := do(t, test.how, a.Prove, a, prove)
			require.Equal(t, test.want, code(t, err))
			_, err = do(t, test.how, a.AwaitGrants, a, sees)
			require.Equal(t, test.want, code(t, err))
		})
	}
	t.Run("acts", func(t *testing.T) {
		c := newCloud()
		c.sees = []string{stage.ID, prod.ID}
		a := c.activities()
		got, err := do(t, late, a.Prove, a, prove)
		require.NoError(t, err)
		require.Equal(t, "IBMid-1", got.IAMID)
		_, err = do(t, late, a.AwaitGrants, a, sees)
		require.NoError(t, err)
	})
	t.Run("does not see every cluster", func(t *testing.T) {
		c := newCloud()
		c.sees = []string{prod.ID}
		c.masters[stage.ID] = c.masters[prod.ID]
		a := c.activities()
		_, err := do(t, early, a.AwaitGrants, a, sees)
		require.Equal(t, offboard.Pending, code(t, err))
		_, err = do(t, late, a.AwaitGrants, a, sees)
		require.Equal(t, offboard.Denied, code(t, err))
		require.ErrorContains(t, err, "it does not see cluster id-stage")
	})
	t.Run("a cluster that is gone need not be seen", func(t *testing.T) {
		c := newCloud()
		c.sees = []string{prod.ID}
		c.fail["Cluster "+stage.ID] = refused(offboard.NotFound)
		a := c.activities()
		_, err := do(t, late, a.AwaitGrants, a, sees)
		require.NoError(t, err)
		c.fail["Cluster "+stage.ID] = refused(offboard.Unavailable)
		_, err = do(t, late, a.AwaitGrants, a, sees)
		require.Equal(t, offboard.Unavailable, code(t, err), "not to know is not to be gone")
	})
	t.Run("somebody else's key is final at once", func(t *testing.T) {
		for _, me := range []offboard.Identity{{IAMID: "IBMid-9", Account: "acc"}, {IAMID: "IBMid-1", Account: "other"}} {
			c := newCloud()
			c.me = me
			a := c.activities()
			_, err := do(t, early, a.Prove, a, prove)
			require.Equal(t, offboard.Denied, code(t, err))
		}
	})
}

// Only an operation that an attempt of ours sent is taken for the refresh; somebody else's brings no new key.
func TestRefreshMaster(t *testing.T) {
	before := noon.Add(-time.Hour)
	in := activities.RefreshMasterInput{Cluster: prod, Scope: scope}
	sentBy := func(attempt int) any {
		return mark(fmt.Sprintf(`{"attempt":%d,"before":"2026-09-14T11:00:00Z"}`, attempt))
	}
	tests := map[string]struct {
		how    try
		master *offboard.Master
		fail   offboard.Code
		want   offboard.Code
		gone   bool
		sent   int
		left   string
	}{
		"a quiet control plane":                 {master: &offboard.Master{State: "deployed", Modified: before}, sent: 1},
		"a busy one":                            {master: &offboard.Master{State: "updating", Modified: before}, want: offboard.Conflict},
		"a cluster that is gone":                {gone: true},
		"one that was busy with something else": {how: try{attempt: 4}, master: &offboard.Master{State: "deployed", Modified: noon}, sent: 1},
		"one that ended what we sent":           {how: try{attempt: 2, details: sentBy(1)}, master: &offboard.Master{State: "deployed", Modified: noon}},
		"one that does not show what we sent":   {how: try{attempt: 2, details: sentBy(1)}, master: &offboard.Master{State: "deployed", Modified: before}, sent: 1},
		"one that ended what was sent long ago": {how: try{attempt: 4, details: sentBy(1)}, master: &offboard.Master{State: "deployed", Modified: noon}, sent: 1},
		"one that is busy with what we sent":    {how: try{attempt: 2, details: sentBy(1)}, master: &offboard.Master{State: "updating", Modified: before}, want: offboard.Conflict, left: `{"attempt":2,"before":"2026-09-14T11:00:00Z"}`},
		"one that refuses":                      {master: &offboard.Master{State: "deployed", Modified: before}, fail: offboard.Conflict, want: offboard.Conflict, sent: 1, left: `{"attempt":0}`},
		"one whose reply is lost":               {master: &offboard.Master{State: "deployed", Modified: before}, fail: offboard.Unavailable, want: offboard.Unavailable, sent: 1, left: `{"attempt":1,"before":"2026-09-14T11:00:00Z"}`},
		"a cluster that cannot be asked":        {fail: offboard.Denied, want: offboard.Denied, sent: 1, master: &offboard.Master{State: "deployed", Modified: before}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := newCloud()
			delete(c.masters, prod.ID)
			if test.master != nil {
				c.masters[prod.ID] = *test.master
			}
			if test.fail != "" {
				c.fail["RefreshMaster"] = refused(test.fail)
			}
			a := c.activities()
			var left []byte
			test.how.left = &left
			got, err := do(t, test.how, a.RefreshMaster, a, in)
			require.Equal(t, test.want, code(t, err))
			require.Equal(t, test.gone, got.Gone)
			require.Equal(t, test.sent, c.called("RefreshMaster"))
			if test.left != "" {
				require.JSONEq(t, test.left, string(left))
			}
			if test.want == "" && !test.gone && test.how.attempt < 4 {
				require.Equal(t, before, got.Before)
			}
		})
	}
	c := newCloud()
	a := c.activities()
	c.fail["RefreshMaster"] = refused(offboard.NotFound) // deleted this very moment
	got, err := do(t, try{}, a.RefreshMaster, a, in)
	require.NoError(t, err)
	require.True(t, got.Gone)
	c.fail["Cluster"] = refused(offboard.Denied)
	_, err = do(t, try{}, a.RefreshMaster, a, in)
	require.Equal(t, offboard.Denied, code(t, err))
}

func TestConfirmMaster(t *testing.T) {
	before := noon.Add(-time.Hour)
	for name, test := range map[string]struct {
		master *offboard.Master
		want   offboard.Code
		gone   bool
	}{
		"done":          {master: &offboard.Master{State: "deployed", Health: "normal", Modified: noon}},
		"running":       {master: &offboard.Master{State: "updating", Modified: noon}, want: offboard.Pending},
		"not begun":     {master: &offboard.Master{State: "deployed", Health: "normal", Modified: before}, want: offboard.Pending},
		"ill":           {master: &offboard.Master{State: "deployed", Health: "error", Modified: noon}, want: offboard.Pending},
		"not available": {master: &offboard.Master{State: "deployed", Health: "unavailable", Modified: noon}, want: offboard.Pending},
		"gone":          {gone: true},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud()
			delete(c.masters, prod.ID)
			if test.master != nil {
				c.masters[prod.ID] = *test.master
			}
			a := c.activities()
			got, err := do(t, try{}, a.ConfirmMaster, a, activities.ConfirmMasterInput{Cluster: prod, Before: before})
			require.Equal(t, test.want, code(t, err))
			require.Equal(t, test.gone, got.Gone)
		})
	}
	c := newCloud()
	c.fail["Cluster"] = refused(offboard.Unavailable)
	a := c.activities()
	_, err := do(t, try{}, a.ConfirmMaster, a, activities.ConfirmMasterInput{Cluster: prod})
	require.Equal(t, offboard.Unavailable, code(t, err))
}

// Whoever waits for a master tells of the secret what is certain, and never fails for it.
func TestConfirmMasterSeesTheSecretToo(t *testing.T) {
	pods := []offboard.Dependent{block}
	for name, test := range map[string]struct {
		master offboard.Master
		before string
		fail   error
		want   *activities.ConfirmSecretResult
	}{
		"renewed":             {before: "6", want: &activities.ConfirmSecretResult{Renewed: true, Pods: [][]string{{"old-of-block"}}}},
		"not yet":             {before: "7"},
		"out of reach":        {before: "6", fail: refused(offboard.Unreachable)},
		"a cluster with none": {want: &activities.ConfirmSecretResult{Pods: [][]string{{"old-of-block"}}}},
		"before the master":   {master: offboard.Master{State: "updating", Modified: noon}, before: "6"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud()
			c.fail["SecretVersion"] = test.fail
			busy := test.master.State != ""
			if !busy {
				test.master = offboard.Master{State: "deployed", Health: "normal", Modified: noon}
			}
			c.masters[prod.ID] = test.master
			a := c.activities()
			got, err := do(t, try{}, a.ConfirmMaster, a, activities.ConfirmMasterInput{Cluster: prod, Before: noon.Add(-time.Hour),
				Secret: &activities.ConfirmSecretInput{Cluster: prod, Before: test.before, Dependents: pods}})
			require.Equal(t, busy, code(t, err) == offboard.Pending)
			require.Equal(t, test.want, got.Secret)
			if busy {
				require.Zero(t, c.called("SecretVersion"), "the old secret says nothing")
			} else {
				require.NoError(t, err)
			}
		})
	}
}

func TestConfirmSecret(t *testing.T) {
	patience := offboard.Duration(2 * time.Minute)
	for name, test := range map[string]struct {
		how     try
		in      activities.ConfirmSecretInput
		fail    error
		want    offboard.Code
		renewed bool
	}{
		"renewed":                   {in: activities.ConfirmSecretInput{Before: "6"}, renewed: true},
		"not yet":                   {in: activities.ConfirmSecretInput{Before: "7"}, want: offboard.Pending},
		"a cluster without one":     {in: activities.ConfirmSecretInput{}, fail: refused(offboard.Denied)},
		"that need not change":      {how: try{scheduled: noon.Add(-2 * time.Minute)}, in: activities.ConfirmSecretInput{Before: "7", Patience: patience}},
		"that may still change":     {how: try{scheduled: noon.Add(-time.Minute)}, in: activities.ConfirmSecretInput{Before: "7", Patience: patience}, want: offboard.Pending},
		"of a cluster that is gone": {in: activities.ConfirmSecretInput{Before: "7"}, fail: refused(offboard.NotFound)},
		"in a cluster out of reach": {in: activities.ConfirmSecretInput{Before: "7"}, fail: refused(offboard.Unreachable), want: offboard.Unreachable},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud()
			c.fail["SecretVersion"] = test.fail
			a := c.activities()
			test.in.Cluster = prod
			got, err := do(t, test.how, a.ConfirmSecret, a, test.in)
			require.Equal(t, test.want, code(t, err))
			require.Equal(t, test.renewed, got.Renewed)
			require.Zero(t, c.called("Pods"), "nobody asked for them")
		})
	}
	t.Run("and the pods of that moment", func(t *testing.T) {
		c := newCloud()
		a := c.activities()
		in := activities.ConfirmSecretInput{Cluster: prod, Before: "7", Dependents: []offboard.Dependent{block}}
		_, err := do(t, try{}, a.ConfirmSecret, a, in)
		require.Equal(t, offboard.Pending, code(t, err))
		require.Zero(t, c.called("Pods"), "a pod that starts before the secret is renewed reads the old key")
		in.Before = "6"
		got, err := do(t, try{}, a.ConfirmSecret, a, in)
		require.NoError(t, err)
		require.Equal(t, [][]string{{"old-of-block"}}, got.Pods)
		in.Before = "" // nothing to wait for
		got, err = do(t, try{}, a.ConfirmSecret, a, in)
		require.NoError(t, err)
		require.Equal(t, [][]string{{"old-of-block"}}, got.Pods)
	})
}

func TestRestart(t *testing.T) {
	auto := offboard.Dependent{Namespace: "kube-system", Workload: "autoscaler"}
	in := activities.RestartInput{Cluster: prod, Dependents: []offboard.Dependent{block, auto}, Old: [][]string{{"a"}, {"b"}}, Mark: "run"}
	c := newCloud()
	a := c.activities()

	pods, err := do(t, try{}, a.SnapshotPods, a, activities.SnapshotPodsInput{Cluster: prod, Dependents: in.Dependents})
	require.NoError(t, err)
	require.Equal(t, [][]string{{"old-of-block"}, {"old-of-autoscaler"}}, pods.Pods)
	_, err = do(t, try{}, a.Restart, a, in)
	require.NoError(t, err)
	require.Equal(t, 2, c.called("Restart"))

	c.rollouts = map[string]offboard.Rollout{"block": {Missing: "1 old pod"}, "autoscaler": {Done: true}}
	_, err = do(t, try{}, a.ConfirmRestart, a, in)
	require.Equal(t, offboard.Pending, code(t, err))
	require.ErrorContains(t, err, "block: 1 old pod")
	require.Zero(t, c.called("Replace"))

	c.rollouts["block"] = offboard.Rollout{Reverted: true, Missing: "taken back"}
	_, err = do(t, try{}, a.ConfirmRestart, a, in)
	require.Equal(t, offboard.Pending, code(t, err))
	require.Equal(t, 1, c.called("Replace block"))

	c.rollouts["block"] = offboard.Rollout{Done: true}
	_, err = do(t, try{}, a.ConfirmRestart, a, in)
	require.NoError(t, err)

	// A workload that is gone holds no key.
	c.fail = map[string]error{"Pods block": refused(offboard.NotFound), "Restart block": refused(offboard.NotFound), "Rollout block": refused(offboard.NotFound)}
	pods, err = do(t, try{}, a.SnapshotPods, a, activities.SnapshotPodsInput{Cluster: prod, Dependents: in.Dependents})
	require.NoError(t, err)
	require.Empty(t, pods.Pods[0])
	_, err = do(t, try{}, a.Restart, a, in)
	require.NoError(t, err)
	_, err = do(t, try{}, a.ConfirmRestart, a, in)
	require.NoError(t, err)

	c.fail = map[string]error{"Pods": refused(offboard.Unreachable), "Restart": refused(offboard.Unreachable), "Rollout": refused(offboard.Unreachable)}
	_, err = do(t, try{}, a.SnapshotPods, a, activities.SnapshotPodsInput{Cluster: prod, Dependents: in.Dependents})
	require.Equal(t, offboard.Unreachable, code(t, err))
	_, err = do(t, try{}, a.Restart, a, in)
	require.Equal(t, offboard.Unreachable, code(t, err))
	_, err = do(t, try{}, a.ConfirmRestart, a, in)
	require.Equal(t, offboard.Unreachable, code(t, err))
}

func TestHealth(t *testing.T) {
	watched := []activities.WatchedCluster{{ClusterRef: prod, Dependents: []offboard.Dependent{block}}}
	well := func() *cloud { c := newCloud(); c.rollouts["block"] = offboard.Rollout{Done: true}; return c }
	tests := map[string]struct {
		arrange func(c *cloud)
		trouble string
		want    offboard.Code // of ConfirmHealth where there is no trouble in words
	}{
		"well":                            {arrange: func(*cloud) {}},
		"critical":                        {func(c *cloud) { c.states[prod.ID] = "critical" }, "cluster prod is in state critical", ""},
		"being deleted":                   {func(c *cloud) { c.states[prod.ID] = "deleting"; c.addons = []offboard.Addon{{Health: "critical"}} }, "", ""},
		"gone":                            {func(c *cloud) { delete(c.masters, prod.ID) }, "", ""},
		"control plane":                   {func(c *cloud) { c.masters[prod.ID] = offboard.Master{Health: "unavailable"} }, "cluster prod's control plane is unavailable", ""},
		"add-on":                          {func(c *cloud) { c.addons = []offboard.Addon{{Name: "alb", Health: "critical", Status: "down"}} }, "cluster prod's add-on alb is critical: down", ""},
		"add-on not known yet":            {func(c *cloud) { c.addons = []offboard.Addon{{Name: "alb", Health: "pending"}, {Name: "csi"}} }, "", ""},
		"dependent":                       {func(c *cloud) { c.rollouts["block"] = offboard.Rollout{Missing: "0 of 2 ready"} }, "cluster prod's block is not ready: 0 of 2 ready", ""},
		"dependent gone":                  {func(c *cloud) { c.fail["Rollout"] = refused(offboard.NotFound) }, "", ""},
		"dependent out of reach":          {func(c *cloud) { c.fail["Rollout"] = refused(offboard.Unreachable) }, "", ""},
		"dependents cannot be asked":      {func(c *cloud) { c.fail["Rollout"] = refused(offboard.Denied) }, "", offboard.Denied},
		"gone when its add-ons are asked": {func(c *cloud) { c.fail["Addons"] = refused(offboard.NotFound) }, "", ""},
		"add-ons cannot be asked":         {func(c *cloud) { c.fail["Addons"] = refused(offboard.Denied) }, "", offboard.Denied},
		"the cluster cannot be asked":     {func(c *cloud) { c.fail["Cluster"] = refused(offboard.Denied) }, "", offboard.Denied},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := well()
			test.arrange(c)
			a := c.activities()
			probe, err := do(t, try{}, a.Probe, a, activities.ProbeInput{Clusters: watched})
			require.Equal(t, test.want, code(t, err))
			_, health := do(t, try{}, a.ConfirmHealth, a, activities.ConfirmHealthInput{Clusters: watched})
			if test.trouble == "" {
				require.Empty(t, probe.Trouble)
				require.Equal(t, test.want, code(t, health))
				return
			}
			require.Equal(t, []string{test.trouble}, probe.Trouble)
			require.Equal(t, offboard.Pending, code(t, health))
			require.ErrorContains(t, health, test.trouble)
			_, known := do(t, try{}, a.ConfirmHealth, a, activities.ConfirmHealthInput{Clusters: watched, Known: []string{test.trouble}})
			require.NoError(t, known, "a trouble from before is not ours")
		})
	}
}

func TestProbeWatchesTheDisabledKeys(t *testing.T) {
	watch := activities.ProbeInput{Keys: []activities.WatchedKey{{ID: "k", Name: "laptop", Since: noon}}}
	for want, key := range map[string]*offboard.Key{
		"":                                 {ID: "k", Disabled: true, LastUsed: noon},
		"key laptop (k) is gone":           nil,
		"key laptop (k) was enabled again": {ID: "k"},
		"was used at 2026-09-14T12:00:01Z": {ID: "k", Disabled: true, LastUsed: noon.Add(time.Second)},
	} {
		c := newCloud()
		if key != nil {
			c.keys["k"] = *key
		}
		a := c.activities()
		got, err := do(t, try{}, a.Probe, a, watch)
		require.NoError(t, err)
		if want == "" {
			require.Empty(t, got.Trouble)
			continue
		}
		require.Len(t, got.Trouble, 1)
		require.Contains(t, got.Trouble[0], want)
	}
	c := newCloud()
	c.fail["Key"] = refused(offboard.Denied)
	a := c.activities()
	_, err := do(t, try{}, a.Probe, a, watch)
	require.Equal(t, offboard.Denied, code(t, err))
}

func TestRemoveUser(t *testing.T) {
	in := activities.UserInput{IAMID: "IBMid-2"}
	c := newCloud()
	a := c.activities()
	for _, test := range []struct{ fail, want offboard.Code }{{"", ""}, {offboard.NotFound, ""}, {offboard.Denied, offboard.Denied}} {
		c.fail["Remove"] = nil
		if test.fail != "" {
			c.fail["Remove"] = refused(test.fail)
		}
		_, err := do(t, try{}, a.RemoveUser, a, in)
		require.Equal(t, test.want, code(t, err))
	}
	for state, want := range map[string]offboard.Code{"": "", "ACTIVE": offboard.Pending, "DELETING": offboard.Pending, "ERROR_WHILE_DELETING": offboard.Stuck} {
		c.people = nil
		if state != "" {
			c.people = []offboard.Person{{IAMID: "IBMid-2", State: state}}
		}
		_, err := do(t, try{}, a.ConfirmRemoved, a, in)
		require.Equal(t, want, code(t, err), state)
	}
	c.fail["Person"] = refused(offboard.Unavailable)
	_, err := do(t, try{}, a.ConfirmRemoved, a, in)
	require.Equal(t, offboard.Unavailable, code(t, err))
}

func TestSyncAccess(t *testing.T) {
	in := activities.SyncAccessInput{Clusters: []offboard.ClusterRef{prod, stage}}
	c := newCloud()
	a := c.activities()
	c.fail["SyncAccess id-stage"] = refused(offboard.Unsupported)
	got, err := do(t, try{}, a.SyncAccess, a, in)
	require.NoError(t, err)
	require.Equal(t, map[string]string{stage.ID: "ask: no"}, got.Failed)
	c.fail["SyncAccess id-stage"] = refused(offboard.NotFound)
	got, err = do(t, try{}, a.SyncAccess, a, in)
	require.NoError(t, err)
	require.Empty(t, got.Failed)
	c.fail["SyncAccess id-stage"] = refused(offboard.Unavailable)
	_, err = do(t, try{}, a.SyncAccess, a, in)
	require.Equal(t, offboard.Unavailable, code(t, err))

	c.states[prod.ID] = "synced"
	_, err = do(t, try{}, a.ConfirmAccess, a, in)
	require.Equal(t, offboard.Pending, code(t, err))
	require.ErrorContains(t, err, "not synchronised yet: stage")
	c.fail["Synced id-stage"] = refused(offboard.NotFound)
	_, err = do(t, try{}, a.ConfirmAccess, a, in)
	require.NoError(t, err)
}

func TestRemoveSubjectAndKeepReport(t *testing.T) {
	c := newCloud()
	a := c.activities()
	_, err := do(t, try{}, a.RemoveSubject, a, activities.RemoveSubjectInput{Binding: offboard.ClusterBinding{Cluster: prod, Binding: offboard.Binding{Name: "deployers"}}})
	require.NoError(t, err)
	require.Equal(t, 1, c.called("RemoveSubject id-prod deployers"))
	kept, err := do(t, try{}, a.KeepReport, a, activities.KeepReportInput{Name: "r"})
	require.NoError(t, err)
	require.Equal(t, "file:r", kept.Place)
}
