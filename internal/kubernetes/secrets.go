package kubernetes

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"offboard/internal/offboard"
)

// The secrets of the storage drivers, in kube-system. The first holds the cluster key, the second tells how the drivers
// sign in (facts, section 8.1).
const (
	storageSecret     = "storage-secret-store"
	credentialsSecret = "ibm-cloud-credentials"
	credentialsKey    = "ibm-credentials.env"
)

// SecretVersion is the version of the secret the drivers read when they start: it changes when the platform has renewed
// the secret, and only a restart after that picks up the new key (trap 51). Empty where there is no such secret. The
// secret's content is not asked for.
func (c *Clusters) SecretVersion(ctx context.Context, clusterID string) (string, error) {
	var version string
	err := c.with(ctx, clusterID, func(k *client) error {
		var err error
		version, err = k.secretVersion(ctx)
		return err
	})
	return version, err
}

func (k *client) secretVersion(ctx context.Context) (string, error) {
	for _, name := range []string{storageSecret, credentialsSecret} {
		// Metadata only; a server that does not know how sends the whole secret, of which the rest is not decoded.
		body, err := k.core.RESTClient().Get().Namespace(metav1.NamespaceSystem).Resource("secrets").Name(name).
			SetHeader("Accept", "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json").Do(ctx).Raw()
		if apierrors.IsNotFound(err) {
			continue
		}
		what := "read the version of secret kube-system/" + name
		if err != nil {
			return "", k.fail(ctx, what, err)
		}
		var secret metav1.PartialObjectMetadata
		if err := json.Unmarshal(body, &secret); err != nil || secret.ResourceVersion == "" {
			return "", offboard.Errorf(offboard.Unavailable, what+" in cluster "+k.cluster, "the answer cannot be read")
		}
		return string(secret.UID) + "/" + secret.ResourceVersion, nil
	}
	return "", nil
}

// trustedProfile tells whether the storage drivers use a trusted profile instead of the key (trap 48).
func (k *client) trustedProfile(ctx context.Context) (bool, error) {
	secret, err := k.core.Secrets(metav1.NamespaceSystem).Get(ctx, credentialsSecret, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, k.fail(ctx, "read the secret kube-system/"+credentialsSecret, err)
	}
	for line := range strings.Lines(string(secret.Data[credentialsKey])) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		if name == "IBMCLOUD_AUTHTYPE" {
			return strings.Trim(value, `"'`) == "pod-identity", nil
		}
	}
	return false, nil
}

// pullSecrets names the image pull secrets, as namespace/name, that sign in to IBM's registry with somebody's own API
// key. The cluster's own ones do not count: they belong to a service ID.
func (k *client) pullSecrets(ctx context.Context) ([]string, error) {
	var found []string
	options := metav1.ListOptions{FieldSelector: "type=" + string(core.SecretTypeDockerConfigJson)}
	err := eachPage(ctx, options, k.core.Secrets(metav1.NamespaceAll).List, func(page *core.SecretList) {
		for _, s := range page.Items {
			if !clustersOwn(s.Name) && holdsUserKey(s.Data[core.DockerConfigJsonKey]) {
				found = append(found, s.Namespace+"/"+s.Name)
			}
		}
	})
	if err != nil {
		return nil, k.fail(ctx, "list the image pull secrets", err)
	}
	slices.Sort(found)
	return found, nil
}

func clustersOwn(name string) bool {
	return strings.HasPrefix(name, "all-icr-io") || strings.HasPrefix(name, "default-") && strings.HasSuffix(name, "-icr-io")
}

// holdsUserKey tells whether a docker configuration has an entry for IBM's registry whose user is iamapikey. Nothing
// else of the configuration leaves this function.
func holdsUserKey(dockerConfig []byte) bool {
	type entry struct {
		Username string `json:"username"`
		Auth     string `json:"auth"` // base64 of user:password
	}
	var config struct {
		Auths map[string]entry `json:"auths"`
	}
	if json.Unmarshal(dockerConfig, &config) != nil {
		return false // nothing that could be used for pulling either
	}
	for registry, e := range config.Auths {
		user := e.Username
		if user == "" {
			pair, err := base64.StdEncoding.DecodeString(e.Auth)
			if err != nil {
				continue
			}
			user, _, _ = strings.Cut(string(pair), ":")
		}
		if user == "iamapikey" && ibmRegistry(registry) {
			return true
		}
	}
	return false
}

func ibmRegistry(registry string) bool {
	if !strings.Contains(registry, "://") {
		registry = "https://" + registry
	}
	u, err := url.Parse(registry)
	if err != nil {
		return false
	}
	host := strings.ToLower(u.Hostname())
	return host == "icr.io" || strings.HasSuffix(host, ".icr.io")
}
