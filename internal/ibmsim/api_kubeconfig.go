package ibmsim

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"

	"github.com/goccy/go-yaml"
)

// Kubeconfigs, and the RBAC sync that comes with one of the two ways to get them.
var kubeconfigRoutes = []route{
	{api: &containersAPI, method: "POST", path: "/v2/applyRBACAndGetKubeconfig", handle: applyAndGetKubeconfig},
	{api: &containersAPI, method: "GET", path: "/v2/getKubeconfig", handle: getKubeconfig},
	{api: &containersAPI, method: "GET", path: "/v2/getRBACStatus", handle: rbacStatus},
}

// kubeconfigRequest is what both operations take.
type kubeconfigRequest struct {
	Cluster string `json:"cluster"`
	Admin   bool   `json:"admin"`
	Format  string `json:"format"`
}

func applyAndGetKubeconfig(k *call) reply {
	var in kubeconfigRequest
	if !k.decode(&in) {
		return k.ksRefusal(http.StatusBadRequest, "E0007", "General", "The body could not be read.")
	}
	rep, c := k.kubeconfig(in)
	if c == nil {
		return rep
	}
	w := k.w
	c.synced = k.now.Add(w.knobs.RBACSync.Std())
	k.record("containers-kubernetes.cluster-rbac.apply", c.spec.Name, "cluster", c.id)
	k.after = append(k.after, func() {
		if err := w.syncRBAC(c); err != nil {
			w.mu.Lock()
			w.happened(containersAPI.name, "containers-kubernetes.cluster-rbac.failed", c.spec.Name, "error", err.Error())
			w.mu.Unlock()
		}
	})
	return rep
}

func getKubeconfig(k *call) reply {
	rep, _ := k.kubeconfig(kubeconfigRequest{Cluster: k.q("cluster"), Admin: k.yes("admin"), Format: k.q("format")})
	return rep
}

// kubeconfig answers the document itself, which IBM's SDK throws away (trap 31). An admin one needs Administrator and
// Manager; where the real service puts a client certificate, this one puts a token without expiry.
func (k *call) kubeconfig(in kubeconfigRequest) (reply, *cluster) {
	c, refused := k.cluster(in.Cluster)
	if c == nil {
		return refused, nil
	}
	use, life := tokenKube, k.w.tokenLife()
	if in.Admin {
		if !k.w.may(k.caller.iam, c.target(), k.now, "Administrator") || !k.w.may(k.caller.iam, c.target(), k.now, "Manager") {
			return k.ksForbidden("Administrator and Manager of the cluster"), nil
		}
		use, life = tokenAdmin, adminLife
	}
	token := k.w.mint(k.caller, use, life, k.now, func(cl *claims) { cl.Cluster = c.id })
	return k.kubeconfigReply(c, in.Format, token), c
}

// adminLife is the documented life of a client certificate, near enough.
const adminLife = 365 * 24 * refreshLife / 3

func (k *call) kubeconfigReply(c *cluster, format, token string) reply {
	server := k.kubeURL(c)
	user := k.caller.label()
	where := map[string]any{"server": server}
	if pem := k.certificate(); pem != nil {
		where["certificate-authority-data"] = base64.StdEncoding.EncodeToString(pem)
	}
	config := map[string]any{
		"apiVersion": "v1", "kind": "Config", "current-context": c.spec.Name + "/" + c.id,
		"clusters": []any{map[string]any{"name": c.spec.Name + "/" + c.id, "cluster": where}},
		"users":    []any{map[string]any{"name": user, "user": map[string]any{"token": token}}},
		"contexts": []any{map[string]any{
			"name": c.spec.Name + "/" + c.id, "context": map[string]any{"cluster": c.spec.Name + "/" + c.id, "user": user, "namespace": "default"},
		}},
	}
	if format == "json" {
		text, err := json.Marshal(config)
		return documentReply(text, "application/json", err)
	}
	text, err := yaml.Marshal(config)
	if err != nil || format != "zip" {
		return documentReply(text, "application/yaml", err)
	}
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	f, err := z.Create("kubeConfig-" + c.id + "/kube-config-" + c.scope.id.region + "-" + c.spec.Name + ".yml")
	if err == nil {
		_, err = f.Write(text)
	}
	if err == nil {
		err = z.Close()
	}
	return documentReply(archive.Bytes(), "application/zip", err)
}

func documentReply(text []byte, contentType string, err error) reply {
	if err != nil {
		return reply{status: http.StatusInternalServerError, raw: []byte(err.Error()), header: map[string]string{"Content-Type": "text/plain"}}
	}
	return reply{status: http.StatusOK, raw: text, header: map[string]string{"Content-Type": contentType}}
}

func rbacStatus(k *call) reply {
	c, refused := k.cluster(k.q("cluster"))
	if c == nil {
		return refused
	}
	return ok(map[string]any{"synchronized": !k.now.Before(c.synced), "error": ""})
}
