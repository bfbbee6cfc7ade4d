package ibmsim_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/IBM/go-sdk-core/v5/core"
	identity "github.com/IBM/platform-services-go-sdk/iamidentityv1"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	appsv1 "k8s.io/client-go/kubernetes/typed/apps/v1"

	"offboard/internal/ibmsim"
)

// The demo's account from beginning to end, in real time and with clusters handled side by side: whoever follows IBM's
// order and waits for each effect causes no outage, and afterwards nothing of the leaver's is left in use.
func TestSampleHandOverInRealTime(t *testing.T) {
	t.Parallel()
	a, err := ibmsim.Load("sample")
	require.NoError(t, err)
	c := ibmsim.New(a, ibmsim.Options{})
	url := newServer(t, c)
	s := &sim{t: t, cloud: c, env: c.Endpoints(url), url: url}

	_, _, err = s.invite(keyAdmin, "clusters-1@acme.example")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return s.user("clusters-1@acme.example").State == "ACTIVE" }, 10*time.Second, 20*time.Millisecond)
	s.join(s.groupID("cluster-key-owners"), s.user("clusters-1@acme.example").IAMID)
	time.Sleep(600 * time.Millisecond) // grantDelay

	var old []string
	for _, sc := range c.State().Scopes {
		if sc.Owner != "leaver@acme.example" {
			continue
		}
		old = append(old, sc.Key)
		_, err := s.reset(keyFunctional, sc.Region, sc.Group)
		require.NoError(t, err)
	}
	require.Len(t, old, 5)
	time.Sleep(500 * time.Millisecond) // keyReplication

	for _, cluster := range a.Clusters {
		s.refresh(keyAdmin, cluster.Name)
	}
	time.Sleep(1700 * time.Millisecond) // masterRefresh
	var all errgroup.Group
	for _, cluster := range a.Clusters {
		client := s.kube(keyAdmin, cluster.Name).AppsV1()
		all.Go(func() error { return rolloutAll(client, cluster.Name) })
	}
	require.NoError(t, all.Wait())
	time.Sleep(2 * time.Second) // podStart and podStop, for every workload
	for _, cl := range c.State().Clusters {
		for subject, key := range cl.Holders {
			require.NotContains(t, old, key, "%s of %s", subject, cl.Name)
		}
	}
	for _, id := range old {
		_, err := s.identity(keyAdmin).DisableAPIKey(&identity.DisableAPIKeyOptions{ID: core.StringPtr(id)})
		require.NoError(t, err)
	}
	time.Sleep(4500 * time.Millisecond) // tokenLife
	s.removeUser("leaver@acme.example")
	time.Sleep(4500 * time.Millisecond)
	require.Empty(t, c.Outages())
	require.Empty(t, c.Unknown())
}

// rolloutAll restarts every workload of kube-system by its template annotation.
func rolloutAll(client appsv1.AppsV1Interface, cluster string) error {
	ctx := context.Background()
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"template": map[string]any{"metadata": map[string]any{"annotations": map[string]string{"restarted": "once"}}}}})
	if err != nil {
		return fmt.Errorf("write the patch: %w", err)
	}
	deployments, err := client.Deployments("kube-system").List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("list deployments of %s: %w", cluster, err)
	}
	for _, d := range deployments.Items {
		if _, err := client.Deployments("kube-system").Patch(ctx, d.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}); err != nil {
			return fmt.Errorf("restart %s of %s: %w", d.Name, cluster, err)
		}
	}
	sets, err := client.StatefulSets("kube-system").List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("list stateful sets of %s: %w", cluster, err)
	}
	for _, d := range sets.Items {
		if _, err := client.StatefulSets("kube-system").Patch(ctx, d.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}); err != nil {
			return fmt.Errorf("restart %s of %s: %w", d.Name, cluster, err)
		}
	}
	return nil
}
