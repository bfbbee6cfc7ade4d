package ibmsim_test

import (
	"context"
	"testing"
	"time"

	"github.com/IBM/go-sdk-core/v5/core"
	identity "github.com/IBM/platform-services-go-sdk/iamidentityv1"
	users "github.com/IBM/platform-services-go-sdk/usermanagementv1"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"offboard/internal/ibmsim"
)

// The small account has one scope (eu-de/default) with the clusters small-vpc (block CSI and autoscaler) and
// small-classic. Tokens live 1 h from the start at minute 0, replication takes 10 s, a refresh 3 m, a pod 20 s.

func (s *sim) at(d time.Duration) time.Time { return s.born.Add(d) }

// restart deletes the pods of both dependents, as IBM's pages tell, and waits for the new ones.
func (s *sim) restart() {
	s.t.Helper()
	client := s.kube(keyAdmin, "small-vpc")
	for _, component := range []string{"ibm-vpc-block-csi-controller", "ibm-iks-cluster-autoscaler"} {
		err := client.CoreV1().Pods("kube-system").DeleteCollection(context.Background(), metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "component=" + component})
		require.NoError(s.t, err)
	}
	s.clock.Advance(time.Minute)
}

func (s *sim) deleteKey(id string) {
	s.t.Helper()
	_, err := s.identity(keyAdmin).DeleteAPIKey(&identity.DeleteAPIKeyOptions{ID: core.StringPtr(id)})
	require.NoError(s.t, err)
}

func (s *sim) removeUser(email string) {
	s.t.Helper()
	_, err := s.users(keyAdmin).RemoveUser(&users.RemoveUserOptions{AccountID: core.StringPtr(s.cloud.AccountID()), IamID: core.StringPtr(s.user(email).IAMID)})
	require.NoError(s.t, err)
}

func (s *sim) handOver() (old string) {
	s.t.Helper()
	old = s.scope("eu-de").Key
	_, err := s.reset(keyFunctional, "eu-de", s.scope("eu-de").Group)
	require.NoError(s.t, err)
	s.clock.Advance(10 * time.Second)
	for _, cluster := range []string{"small-vpc", "small-classic"} {
		s.refresh(keyAdmin, cluster)
	}
	s.clock.Advance(3 * time.Minute)
	return old
}

func TestNothingHappensNothingBreaks(t *testing.T) {
	s := startSim(t, "small")
	s.clock.Advance(72 * time.Hour)
	require.Empty(t, s.cloud.Outages())
}

func TestRightOrderCausesNoOutage(t *testing.T) {
	s := startSim(t, "small")
	old := s.handOver()
	s.restart()
	s.deleteKey(old)
	s.removeUser("leaver@acme.example")
	s.clock.Advance(48 * time.Hour)
	require.Empty(t, s.cloud.Outages())
	require.Equal(t, "clusters-1@acme.example", s.scope("eu-de").Owner)
}

// Trap 15: the user goes first. The pair is without a key at once, master and pods when their hour is over.
func removingFirstBreaksEverything(t *testing.T) {
	s := startSim(t, "small")
	key := s.scope("eu-de").Key
	pods := s.subjects("small-vpc")
	s.clock.Advance(10 * time.Minute)
	s.removeUser("leaver@acme.example")
	s.clock.Advance(20 * time.Minute)
	group := "scope eu-de/" + s.scope("eu-de").Group
	want := []ibmsim.Outage{
		{From: s.at(10 * time.Minute), Cluster: "small-classic", Subject: group, Key: key, Cause: "owner removed"},
		{From: s.at(10 * time.Minute), Cluster: "small-vpc", Subject: group, Key: key, Cause: "owner removed"},
	}
	require.Equal(t, want, s.cloud.Outages())

	s.clock.Advance(31 * time.Minute) // 61 minutes: the tokens of minute 0 are over
	want = append(want, ibmsim.Outage{From: s.at(time.Hour), Cluster: "small-classic", Subject: "master", Key: key, Cause: "owner removed"})
	for _, subject := range pods {
		want = append(want, ibmsim.Outage{From: s.at(time.Hour), Cluster: "small-vpc", Subject: subject, Key: key, Cause: "owner removed"})
	}
	require.Equal(t, want, s.cloud.Outages())
}

// subjects are what runs on a key in a cluster, in the order of their names.
func (s *sim) subjects(cluster string) []string {
	s.t.Helper()
	for _, c := range s.cloud.State().Clusters {
		if c.Name != cluster {
			continue
		}
		var list []string
		for subject := range c.Holders {
			list = append(list, subject)
		}
		sortStrings(list)
		return list
	}
	return nil
}

// Trap 12: the key is deleted before the pods are restarted. It shows only when their tokens end, and ends with the
// restart; the pair and the masters never notice.
func TestLateOutageOfPodsOnADeletedKey(t *testing.T) {
	s := startSim(t, "small")
	old := s.handOver() // until minute 3:10
	s.deleteKey(old)
	s.clock.Advance(2*time.Hour - s.clock.Now().Sub(s.born))
	found := s.cloud.Outages()
	require.Len(t, found, 2)
	for _, o := range found {
		require.Equal(t, s.at(time.Hour), o.From)
		require.True(t, o.To.IsZero())
		require.Equal(t, old, o.Key)
		require.Equal(t, "key deleted", o.Cause)
	}
	s.restart()
	found = s.cloud.Outages()
	require.Len(t, found, 2)
	for _, o := range found {
		require.Equal(t, s.at(2*time.Hour+5*time.Second), o.To, "podStop after the deletion")
	}
}

// Trap 49: without a master refresh the cluster goes on with the old key, and restarted pods read it again (trap 51).
func omittedMasterRefresh(t *testing.T) {
	s := startSim(t, "small")
	old := s.scope("eu-de").Key
	_, err := s.reset(keyFunctional, "eu-de", s.scope("eu-de").Group)
	require.NoError(t, err)
	s.clock.Advance(10 * time.Minute)
	s.restart() // until minute 11; the new pods asked for tokens 10 s after minute 10
	s.deleteKey(old)
	s.clock.Advance(time.Hour)
	subjects := map[string]time.Duration{}
	for _, o := range s.cloud.Outages() {
		require.Equal(t, old, o.Key)
		subjects[o.Cluster+" "+firstWord(o.Subject)] = o.From.Sub(s.born)
	}
	require.Equal(t, map[string]time.Duration{
		"small-classic master": time.Hour,
		"small-vpc master":     time.Hour,
		"small-vpc kube-system/ibm-vpc-block-csi-controller": 70*time.Minute + 10*time.Second,
		"small-vpc kube-system/ibm-iks-cluster-autoscaler":   70*time.Minute + 10*time.Second,
	}, subjects)
}

// A disabled key breaks the pair at once and what runs on it an hour after its last token; enabling ends both at once.
func TestDisableAndEnable(t *testing.T) {
	s := startSim(t, "small")
	key := s.scope("eu-de").Key
	s.clock.Advance(30 * time.Minute)
	_, err := s.identity(keyAdmin).DisableAPIKey(&identity.DisableAPIKeyOptions{ID: &key})
	require.NoError(t, err)
	s.clock.Advance(45 * time.Minute)
	_, err = s.identity(keyAdmin).EnableAPIKey(&identity.EnableAPIKeyOptions{ID: &key})
	require.NoError(t, err)
	s.clock.Advance(5 * time.Hour)
	for _, o := range s.cloud.Outages() {
		from := time.Hour
		if firstWord(o.Subject) == "scope" {
			from = 30 * time.Minute
		}
		require.Equal(t, s.at(from), o.From, o.Subject)
		require.Equal(t, s.at(75*time.Minute), o.To, o.Subject)
		require.Equal(t, "key disabled", o.Cause)
	}
	require.Len(t, s.cloud.Outages(), 6, "two clusters' scopes and masters, two pods")
}

// The reset is no better than its owner: without the role the whole pair suffers, and only as long as it lacks it.
func TestOwnerLosesItsRights(t *testing.T) {
	s := startSim(t, "small")
	s.handOver()
	s.restart()
	iam := s.user("clusters-1@acme.example").IAMID
	group := s.groupID("cluster-key-owners")
	took := s.clock.Now()
	s.leave(group, iam)
	s.clock.Advance(time.Minute)
	s.join(group, iam)
	s.clock.Advance(time.Hour)
	found := s.cloud.Outages()
	require.Len(t, found, 2)
	for _, o := range found {
		require.Equal(t, "owner lacks rights", o.Cause)
		require.Equal(t, took, o.From)
		require.Equal(t, took.Add(time.Minute+30*time.Second), o.To, "the grant acts 30 s after it was made")
	}
}

// Trap 2 as an outage: who resets with the wrong hands has moved the pair to an identity that goes as well. Everything
// else was done right, and breaks all the same when the leaver is removed.
func TestResetAsTheLeaver(t *testing.T) {
	s := startSim(t, "small")
	old := s.scope("eu-de").Key
	_, err := s.reset(keyLeaver, "eu-de", s.scope("eu-de").Group)
	require.NoError(t, err)
	s.clock.Advance(10 * time.Second)
	for _, cluster := range []string{"small-vpc", "small-classic"} {
		s.refresh(keyAdmin, cluster)
	}
	s.clock.Advance(3 * time.Minute) // the masters took the key at 3:10
	s.restart()                      // the pods at 3:20, and an hour later again
	s.deleteKey(old)
	s.clock.Advance(2*time.Hour - s.clock.Now().Sub(s.born))
	require.Empty(t, s.cloud.Outages())
	s.removeUser("leaver@acme.example")
	s.clock.Advance(2 * time.Hour)
	from := map[string]time.Duration{}
	for _, o := range s.cloud.Outages() {
		require.Equal(t, "owner removed", o.Cause)
		require.NotEqual(t, old, o.Key)
		from[o.Cluster+" "+firstWord(o.Subject)] = o.From.Sub(s.born)
	}
	require.Equal(t, map[string]time.Duration{
		"small-vpc scope":      2 * time.Hour,
		"small-classic scope":  2 * time.Hour,
		"small-vpc master":     2*time.Hour + 3*time.Minute + 10*time.Second,
		"small-classic master": 2*time.Hour + 3*time.Minute + 10*time.Second,
		"small-vpc kube-system/ibm-vpc-block-csi-controller": 2*time.Hour + 3*time.Minute + 20*time.Second,
		"small-vpc kube-system/ibm-iks-cluster-autoscaler":   2*time.Hour + 3*time.Minute + 20*time.Second,
	}, from)
}
