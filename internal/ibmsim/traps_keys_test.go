package ibmsim_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	ks "github.com/IBM-Cloud/container-services-go-sdk/kubernetesserviceapiv1"
	"github.com/IBM/go-sdk-core/v5/core"
	identity "github.com/IBM/platform-services-go-sdk/iamidentityv1"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"offboard/internal/ibmsim"
)

const clusterKeyName = "containers-kubernetes-key"

// clusterKeys are the account's keys of that name.
func (s *sim) clusterKeys() []identity.APIKey {
	var list []identity.APIKey
	for _, k := range s.accountKeys(keyAdmin, 100) {
		if *k.Name == clusterKeyName {
			list = append(list, k)
		}
	}
	return list
}

// Trap 10: by name alone one finds the keys of other pairs and other people, superseded ones, and what a person named so.
func oneNameForAllClusterKeys(t *testing.T) {
	s := startSim(t, "sample")
	owners, descriptions := map[string]int{}, map[string]int{}
	for _, k := range s.clusterKeys() {
		owners[*k.IamID]++
		descriptions[*k.Description]++
	}
	require.Greater(t, len(owners), 1)
	require.Len(t, descriptions, 7)
	require.Equal(t, 11, sum(descriptions), "seven scopes, four superseded keys")
	byHand := 0
	for _, k := range startSim(t, "traps").clusterKeys() {
		if !strings.Contains(*k.Description, "region") {
			byHand++
		}
	}
	require.Equal(t, 1, byHand)
}

func sum(m map[string]int) int {
	n := 0
	for _, v := range m {
		n += v
	}
	return n
}

// Trap 11: the cluster says eu-central, the description eu-de; and a text that somebody wrote may hold any region.
func descriptionsNameTheModernRegion(t *testing.T) {
	s := startSim(t, "sample")
	one, _, err := s.containers(keyAdmin).GetCluster(&ks.GetClusterOptions{Cluster: core.StringPtr("legacy-eu")})
	require.NoError(t, err)
	require.Equal(t, "eu-central", *one.Region)
	found := 0
	for _, k := range s.clusterKeys() {
		require.NotContains(t, *k.Description, *one.Region)
		if strings.Contains(*k.Description, "eu-de") && strings.Contains(*k.Description, *one.ResourceGroup) {
			found++
		}
	}
	require.Equal(t, 2, found, "the current and a superseded key")
	_, _, err = s.identity("CANARY-key-dev").CreateAPIKey(&identity.CreateAPIKeyOptions{
		Name: core.StringPtr(clusterKeyName), IamID: core.StringPtr(s.user("dev@acme.example").IAMID), Description: core.StringPtr("copied from eu-de-2, " + *one.ResourceGroup),
	})
	require.Error(t, err, "creation is restricted")
}

// Trap 13: the key is shown disabled at once and gives tokens for a while; an enable in that time undoes it all.
func disableActsLate(t *testing.T) {
	a, err := ibmsim.Load("small")
	require.NoError(t, err)
	a.Knobs.DisableDelay = ibmsim.Duration(2 * time.Minute)
	s := startAccount(t, a)
	id := core.StringPtr(s.scope("eu-de").Key)
	disable := func() {
		_, err := s.identity(keyAdmin).DisableAPIKey(&identity.DisableAPIKeyOptions{ID: id})
		require.NoError(t, err)
		got, _, err := s.identity(keyAdmin).GetAPIKey(&identity.GetAPIKeyOptions{ID: id})
		require.NoError(t, err)
		require.True(t, *got.Disabled)
	}
	disable()
	s.clock.Advance(time.Minute)
	require.Empty(t, s.cloud.Outages())
	_, err = s.identity(keyAdmin).EnableAPIKey(&identity.EnableAPIKeyOptions{ID: id})
	require.NoError(t, err)
	s.clock.Advance(10 * time.Minute)
	require.Empty(t, s.cloud.Outages())

	disable() // at minute 11
	s.clock.Advance(10 * time.Minute)
	found := s.cloud.Outages()
	require.Len(t, found, 2, "the pair in both clusters; what holds a token notices later")
	require.Equal(t, s.at(13*time.Minute), found[0].From)
	s.deleteKey(*id)
	s.clock.Advance(time.Minute)
	require.Equal(t, s.at(13*time.Minute), s.cloud.Outages()[0].From)
}

// Trap 52: each use of the key of a service ID that Secrets Manager made locks the ID again, so no key can be made for it.
func secretsManagersServiceID(t *testing.T) {
	a, err := ibmsim.Load("small")
	require.NoError(t, err)
	a.ServiceIDs = []ibmsim.ServiceID{{Name: "vault", APIKey: "CANARY-key-vault", SecretsManager: true}, {Name: "plain", APIKey: "CANARY-key-plain"}}
	for _, name := range []string{"vault", "plain"} {
		a.Policies = append(a.Policies,
			ibmsim.Grant{ServiceID: name, Roles: []string{"Administrator", "Manager"}, Service: "containers-kubernetes"},
			ibmsim.Grant{ServiceID: name, Roles: []string{"Operator"}, Service: "iam-identity"})
	}
	s := startAccount(t, a)
	list, _, err := s.identity(keyAdmin).ListServiceIds(&identity.ListServiceIdsOptions{AccountID: core.StringPtr(s.cloud.AccountID()), Name: core.StringPtr("vault")})
	require.NoError(t, err)
	require.True(t, *list.Serviceids[0].Locked)
	_, err = s.identity(keyAdmin).UnlockServiceID(&identity.UnlockServiceIDOptions{ID: list.Serviceids[0].ID})
	require.NoError(t, err)
	resp, err := s.reset("CANARY-key-vault", "eu-de", "")
	require.Error(t, err)
	body, _ := resp.GetResultAsMap()
	require.Equal(t, "A03e9b", body["code"])
	_, err = s.reset("CANARY-key-plain", "eu-de", "")
	require.NoError(t, err, "an ordinary service ID with Operator on IAM identity can own the key")
	require.Equal(t, "plain", s.scope("eu-de").Owner)
	s.clock.Advance(3 * time.Hour)
	require.Empty(t, s.cloud.Outages())
}

// Trap 57: nobody can remove the owner; six hours later the transfer does, and what the leaver's keys carried breaks.
func transferRemovesThePreviousOwner(t *testing.T) {
	s := startSim(t, "owner-leaves")
	leaver := s.user("leaver@acme.example").IAMID
	s.clock.Advance(5 * time.Hour)
	require.Empty(t, s.cloud.Outages())
	s.clock.Advance(time.Hour + time.Minute)
	for _, u := range s.cloud.State().Users {
		require.NotEqual(t, leaver, u.IAMID)
	}
	found := s.cloud.Outages()
	require.NotEmpty(t, found)
	require.Equal(t, s.at(6*time.Hour), found[0].From)
	require.Equal(t, "owner removed", found[0].Cause)
	_, text := s.get("/accounts/coe/v2/accounts/"+s.cloud.AccountID(), s.token(keyAdmin))
	require.Contains(t, string(text), `"owner_userid":"petra@acme.example"`)
	require.Equal(t, http.StatusConflict, s.control("POST", "/owner", `{"email":"petra@acme.example"}`, nil))
	require.Equal(t, http.StatusNoContent, s.control("POST", "/owner", `{"email":"offboard-admin@acme.example"}`, nil))

	early := startSim(t, "owner-leaves") // whoever hands over before the transfer sees no outage
	_, err := early.reset(keyFunctional, "eu-de", early.scope("eu-de").Group)
	require.NoError(t, err)
	early.clock.Advance(10 * time.Second)
	early.refresh(keyAdmin, "prod-eu")
	early.clock.Advance(3 * time.Minute)
	client := early.kube(keyAdmin, "prod-eu")
	for _, component := range []string{"ibm-vpc-block-csi-controller", "ibm-iks-cluster-autoscaler"} {
		require.NoError(t, client.CoreV1().Pods("kube-system").DeleteCollection(context.Background(), metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "component=" + component}))
	}
	early.clock.Advance(12 * time.Hour)
	require.Empty(t, early.cloud.Outages())
}

// Trap 58: a reset for a pair that never had a key and has no cluster makes one all the same, and uses up a slot.
func resetWhereNoKeyWas(t *testing.T) {
	s := startSim(t, "empty")
	require.Empty(t, s.cloud.State().Scopes)
	count := func() int {
		mine := s.user("offboard-admin@acme.example").IAMID
		got, _, err := s.identity(keyAdmin).GetAccountLimits(&identity.GetAccountLimitsOptions{AccountID: core.StringPtr(s.cloud.AccountID()), ApikeysPerIdentity: &mine})
		require.NoError(t, err)
		return int(*got.ApikeysPerIdentity.Identities[0].Count)
	}
	before := count()
	_, err := s.reset(keyAdmin, "us-east", "")
	require.NoError(t, err)
	require.Equal(t, before+1, count())
	require.Len(t, s.cloud.State().Scopes, 1)
	require.Empty(t, s.cloud.Outages())
}
