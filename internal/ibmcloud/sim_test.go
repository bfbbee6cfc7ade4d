package ibmcloud_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/ibmcloud"
	"offboard/internal/ibmsim"
	"offboard/internal/ibmsim/clock"
	"offboard/internal/offboard"
)

const (
	admin   = "offboard-admin@acme.example"
	leaver  = "leaver@acme.example"
	viewer  = "viewer@acme.example"
	newcome = "clusters-2@acme.example"
	prodID  = "0123456789abcdef0123456789abcdef"
)

var prod = offboard.Scope{Region: "eu-de", ResourceGroup: prodID, ResourceGroupName: "prod"}

// sim is a simulated account on a virtual clock, the adapter on it, and what has been done to it since the last look.
type sim struct {
	*ibmsim.Cloud
	account *ibmsim.Account
	url     string
	cloud   *ibmcloud.Cloud
	seen    int
}

func newSim(t *testing.T, edits ...func(*ibmsim.Account)) *sim {
	t.Helper()
	account, err := ibmsim.Load("testdata/account.yaml")
	require.NoError(t, err)
	for _, edit := range edits {
		edit(account)
	}
	s := &sim{account: account}
	s.Cloud = ibmsim.New(account, ibmsim.Options{Clock: clock.NewVirtual(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC))})
	server := httptest.NewServer(s.Cloud)
	t.Cleanup(server.Close)
	t.Cleanup(func() { assert.Empty(t, s.Unknown(), "requests the simulator does not know") })
	s.url = server.URL
	s.cloud = s.as(t, "CANARY-key-offboard-admin")
	return s
}

// as is the adapter with another engine key.
func (s *sim) as(t *testing.T, key string) *ibmcloud.Cloud {
	t.Helper()
	e := s.Endpoints(s.url)
	cloud, err := ibmcloud.New(ibmcloud.Config{
		Account: s.AccountID(),
		APIKey:  fixed(key),
		FunctionalIDs: []ibmcloud.FunctionalID{
			{Email: "clusters-1@acme.example", APIKey: fixed("CANARY-key-clusters-1")},
			{Email: newcome, APIKey: fixed("CANARY-key-clusters-2")},
		},
		Endpoints: ibmcloud.Endpoints{
			IAM:                e["IBMCLOUD_IAM_API_ENDPOINT"],
			UserManagement:     e["IBMCLOUD_USER_MANAGEMENT_ENDPOINT"],
			ResourceManagement: e["IBMCLOUD_RESOURCE_MANAGEMENT_API_ENDPOINT"],
			GlobalSearch:       e["IBMCLOUD_GS_API_ENDPOINT"],
			Containers:         e["IBMCLOUD_CS_API_ENDPOINT"],
			Accounts:           e["IBMCLOUD_ACCOUNT_MANAGEMENT_API_ENDPOINT"],
		},
	})
	require.NoError(t, err)
	return cloud
}

// did are the mutations since the last call: "action by caller". The platform's own are left out.
func (s *sim) did() []string {
	actions := []string{}
	ledger := s.Ledger()
	for _, e := range ledger[s.seen:] {
		if e.Method != "" {
			actions = append(actions, e.Action+" by "+e.Email)
		}
	}
	s.seen = len(ledger)
	return actions
}

func (s *sim) fault(t *testing.T, f ibmsim.Fault) {
	t.Helper()
	_, err := s.AddFault(f)
	require.NoError(t, err)
}

// iam is a user's IAM ID.
func (s *sim) iam(t *testing.T, email string) string {
	t.Helper()
	people, err := s.cloud.Users.People(t.Context())
	require.NoError(t, err)
	for _, p := range people {
		if p.Email == email {
			return p.IAMID
		}
	}
	require.Fail(t, "no such user", email)
	return ""
}

// key is an API key by its owner and name.
func (s *sim) key(t *testing.T, owner, name string) offboard.Key {
	t.Helper()
	keys, err := s.cloud.Keys.UserKeys(t.Context())
	require.NoError(t, err)
	iam := s.iam(t, owner)
	for _, k := range keys {
		if k.IAMID == iam && k.Name == name {
			return k
		}
	}
	require.Fail(t, "no such key", "%s of %s", name, owner)
	return offboard.Key{}
}

// cluster is a cluster by name.
func (s *sim) cluster(t *testing.T, name string) offboard.Cluster {
	t.Helper()
	all, err := s.cloud.Clusters.Clusters(t.Context())
	require.NoError(t, err)
	for _, c := range all {
		if c.Name == name {
			return c
		}
	}
	require.Fail(t, "no such cluster", name)
	return offboard.Cluster{}
}
