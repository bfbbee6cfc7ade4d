package ibmsim

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// kubernetes is what runs inside a cluster: a *kube.Server, or what somebody attached.
type kubernetes interface {
	// The handler answers the platform's requests as an administrator's.
	http.Handler
	// Create stores objects as if they had been in the cluster already; missing namespaces are made.
	Create(objects ...runtime.Object) error
	// Settle returns when every pod is ready that may get so.
	Settle()
	Secret(namespace, name string) (*corev1.Secret, bool)
	UpdateSecret(namespace, name string, data map[string][]byte) error
	// SetNeverReady keeps new pods of a workload waiting for a reason, until it is empty.
	SetNeverReady(namespace, workload, reason string)
	// SetReverting takes changed annotations of a workload's pod template back after a time.
	SetReverting(namespace, workload string, after time.Duration)
	SetUnreachable(on bool)
}

// Attached is a Kubernetes cluster outside the simulator that stands for one of the account's: the simulator fills it,
// renews its secrets and watches its pods as it does with its own, and hands out kubeconfigs that lead to it. Its methods
// mean what those of *kube.Server mean, save that errors nobody could return are the attacher's to notice; they are
// called without locks held.
type Attached interface {
	kubernetes
	// Access is how an administrator gets in.
	Access() Access
	// Follow reports each pod whose containers have started, and each that has left the API, from now on; Settle returns
	// after the report of what it waited for.
	Follow(started, gone func(pod *corev1.Pod))
}

// Access is what a kubeconfig says of an administrator: a server of its own, and a client certificate, which knows
// nothing of IAM (trap 55). All but Server are PEM.
type Access struct {
	Server                      string
	Authority, Certificate, Key []byte
}

// Attach puts a cluster in the place of a simulated one, by ID or name. It is an error for a cluster that somebody has
// looked into already, one that users reach otherwise (OpenShift, private only), and one there is not. Reset ends it.
// What callers change inside the cluster is in no ledger, since they do not come by; and only administrators can get in.
func (c *Cloud) Attach(cluster string, k Attached) error {
	w := c.world.Load()
	w.mu.Lock()
	defer w.mu.Unlock()
	cl := w.clusterByRef[cluster]
	switch {
	case cl == nil:
		return fmt.Errorf("attach cluster %s: there is none", cluster)
	case cl.spec.Type == "openshift" || cl.spec.PrivateOnly:
		return fmt.Errorf("attach cluster %s: it cannot be reached as others can", cluster)
	case cl.server != nil || cl.starting || cl.attached != nil:
		return fmt.Errorf("attach cluster %s: it is in use", cluster)
	}
	cl.attached = k
	return nil
}

// attachedKubeconfig leads past the simulator. The cluster is filled before the reply goes out: nobody can look earlier.
// It does not know the tokens of users.
func (k *call) attachedKubeconfig(c *cluster, in kubeconfigRequest, token string) reply {
	if in.Format == "zip" {
		return k.ksRefusal(http.StatusConflict, "E0010", "General", "An attached cluster has no archive.")
	}
	w := k.w
	k.after = append(k.after, func() {
		if _, err := w.kubeServer(c); err != nil {
			w.mu.Lock()
			w.happened(kubeAPI.name, "sim.cluster-start.failed", c.spec.Name, "error", err.Error())
			w.mu.Unlock()
		}
	})
	access := c.attached.Access()
	where := map[string]any{"server": access.Server, "certificate-authority-data": base64.StdEncoding.EncodeToString(access.Authority)}
	user := map[string]any{"token": token}
	if in.Admin {
		user = map[string]any{
			"client-certificate-data": base64.StdEncoding.EncodeToString(access.Certificate),
			"client-key-data":         base64.StdEncoding.EncodeToString(access.Key),
		}
	}
	return k.kubeconfigText(c, in, where, user)
}
