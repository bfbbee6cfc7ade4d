package ibmcloud_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"offboard/internal/ibmsim"
	"offboard/internal/offboard"
)

// noted is the receipt that a verb notes.
func noted(t *testing.T, verb func(ctx context.Context) error) (offboard.Receipt, error) {
	t.Helper()
	ctx, receipts := offboard.CollectReceipts(t.Context())
	err := verb(ctx)
	return receipts.Last(), err
}

// Every change is noted with the ID that the account itself has for the request, and with the identity it was made as.
func TestAChangeIsNotedAsTheAccountNotesIt(t *testing.T) {
	s := newSim(t)
	key := s.key(t, leaver, "ci-pipeline")
	cluster := s.cluster(t, "shop")
	group, policy := "", ""
	changes := []struct {
		name string
		by   string
		verb func(ctx context.Context) error
	}{
		{"invite", "engine", func(ctx context.Context) error { _, err := s.cloud.Users.Invite(ctx, "new@acme.example"); return err }},
		{"make a group", "engine", func(ctx context.Context) (err error) {
			group, _, err = s.cloud.Access.EnsureGroup(ctx, "g", "for a test", "run-a", nil)
			return err
		}},
		{"use a group", "engine", func(ctx context.Context) error {
			_, _, err := s.cloud.Access.EnsureGroup(ctx, "g", "for a test", "run-b", nil)
			return err
		}},
		{"grant", "engine", func(ctx context.Context) (err error) {
			policy, _, err = s.cloud.Access.Grant(ctx, group, offboard.Grant{Name: "registry", Service: "container-registry", Roles: []string{"crn:v1:bluemix:public:iam::::serviceRole:Reader"}}, nil)
			return err
		}},
		{"add a member", "engine", func(ctx context.Context) error {
			_, err := s.cloud.Access.AddMember(ctx, group, s.iam(t, viewer), nil)
			return err
		}},
		{"take a member out", "engine", func(ctx context.Context) error { return s.cloud.Access.RemoveMember(ctx, group, s.iam(t, viewer)) }},
		{"revoke", "engine", func(ctx context.Context) error { return s.cloud.Access.Revoke(ctx, policy) }},
		{"delete a group", "engine", func(ctx context.Context) error { return s.cloud.Access.DeleteGroup(ctx, group) }},
		{"lock", "engine", func(ctx context.Context) error { return s.cloud.Keys.Lock(ctx, key.ID) }},
		{"unlock", "engine", func(ctx context.Context) error { return s.cloud.Keys.Unlock(ctx, key.ID) }},
		{"disable", "engine", func(ctx context.Context) error { return s.cloud.Keys.Disable(ctx, key.ID) }},
		{"enable", "engine", func(ctx context.Context) error { return s.cloud.Keys.Enable(ctx, key.ID) }},
		{"reset", "clusters-1@acme.example", func(ctx context.Context) error { return s.cloud.Successors.Reset(ctx, "clusters-1@acme.example", prod) }},
		{"refresh", "engine", func(ctx context.Context) error { return s.cloud.Clusters.RefreshMaster(ctx, cluster.ID, prod) }},
		{"delete a key", "engine", func(ctx context.Context) error { return s.cloud.Keys.Delete(ctx, key.ID) }},
		{"synchronise", "engine", func(ctx context.Context) error { return s.cloud.Clusters.SyncAccess(ctx, cluster.ID) }},
		{"remove", "engine", func(ctx context.Context) error { return s.cloud.Users.Remove(ctx, s.iam(t, leaver)) }},
	}
	for _, c := range changes {
		before := len(s.Ledger())
		got, err := noted(t, c.verb)
		require.NoError(t, err, c.name)
		var ids []string
		for _, e := range s.Ledger()[before:] {
			if e.Method != "" {
				ids = append(ids, e.RequestID)
			}
		}
		require.Equal(t, []string{got.RequestID}, ids, c.name)
		require.NotEmpty(t, got.RequestID, c.name)
		require.Equal(t, c.by, got.By, c.name)
	}
}

func TestWhatChangedNothingIsNotNoted(t *testing.T) {
	s := newSim(t)
	key := s.key(t, leaver, "ci-pipeline")
	for name, verb := range map[string]func(ctx context.Context) error{
		"reading":   func(ctx context.Context) error { _, err := s.cloud.Keys.Key(ctx, key.ID); return err },
		"searching": func(ctx context.Context) error { _, err := s.cloud.Clusters.Indexed(ctx); return err },
		"counting": func(ctx context.Context) error {
			_, _, err := s.cloud.Keys.Room(ctx, []string{s.iam(t, leaver)})
			return err
		},
		"what is so already":   func(ctx context.Context) error { return s.cloud.Keys.Enable(ctx, key.ID) },
		"what is gone already": func(ctx context.Context) error { return s.cloud.Keys.Delete(ctx, "ApiKey-0123456789") },
		"getting an access token": func(ctx context.Context) error {
			_, err := s.as(t, "CANARY-key-offboard-admin").Users.WhoAmI(ctx)
			return err
		},
	} {
		got, err := noted(t, verb)
		require.NoError(t, err, name)
		require.Zero(t, got, name)
	}

	got, err := noted(t, func(ctx context.Context) error {
		return s.as(t, "CANARY-key-viewer").Keys.Disable(ctx, key.ID)
	})
	require.Equal(t, offboard.Denied, offboard.CodeOf(err))
	require.Zero(t, got, "a refusal")
}

// A failure of the service may have changed something: its request is what to look for.
func TestAFailureIsNoted(t *testing.T) {
	s := newSim(t)
	key := s.key(t, leaver, "ci-pipeline")
	s.fault(t, ibmsim.Fault{Service: "iam-identity", Method: "POST", Path: "/disable$", After: true, Status: http.StatusBadGateway})
	got, err := noted(t, func(ctx context.Context) error { return s.cloud.Keys.Disable(ctx, key.ID) })
	require.Equal(t, offboard.Unavailable, offboard.CodeOf(err))
	ledger := s.Ledger()
	require.Equal(t, ledger[len(ledger)-1].RequestID, got.RequestID)
}
