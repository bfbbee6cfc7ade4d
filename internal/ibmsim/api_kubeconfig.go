package ibmsim

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"slices"

	"github.com/goccy/go-yaml"
)

// Kubeconfigs, and the RBAC sync that comes with one of the two ways to get them.
var kubeconfigRoutes = []route{
	{api: &containersAPI, method: "POST", path: "/v2/applyRBACAndGetKubeconfig", handle: applyAndGetKubeconfig},
	{api: &containersAPI, method: "GET", path: "/v2/getKubeconfig", handle: getKubeconfig},
	{api: &containersAPI, method: "GET", path: "/v1/clusters/{cluster}/config", handle: getConfigV1(false)},
	{api: &containersAPI, method: "GET", path: "/v1/clusters/{cluster}/config/admin", handle: getConfigV1(true)},
	{api: &containersAPI, method: "GET", path: "/v2/getRBACStatus", handle: rbacStatus},
}

// kubeconfigRequest is what both operations take.
type kubeconfigRequest struct {
	Cluster string `json:"cluster"`
	Admin   bool   `json:"admin"`
	Format  string `json:"format"`
	folder  bool   // the archive of v1 has a folder, the one of v2 has none
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

// getConfigV1 is the old way: always an archive, the administrator's under a path of its own.
func getConfigV1(admin bool) func(*call) reply {
	return func(k *call) reply {
		rep, _ := k.kubeconfig(kubeconfigRequest{Cluster: k.path("cluster"), Admin: admin, Format: "zip", folder: true})
		return rep
	}
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
	if !c.usable() {
		return k.busy(), nil
	}
	use, life := tokenKube, k.w.tokenLife()
	if in.Admin {
		if !k.w.may(k.caller.iam, c.target(), k.now, "Administrator") || !k.w.may(k.caller.iam, c.target(), k.now, "Manager") {
			return k.ksForbidden("Administrator and Manager of the cluster"), nil
		}
		use, life = tokenAdmin, adminLife
	}
	token := k.w.mint(k.caller, use, life, k.now, func(cl *claims) { cl.Cluster = c.id })
	return k.kubeconfigReply(c, in, token), c
}

// adminLife is the documented life of a client certificate, near enough.
const adminLife = 365 * 24 * refreshLife / 3

func (k *call) kubeconfigReply(c *cluster, in kubeconfigRequest, token string) reply {
	if c.attached != nil {
		return k.attachedKubeconfig(c, in, token)
	}
	where := map[string]any{"server": k.kubeURL(c)}
	if pem := k.certificate(); pem != nil {
		where["certificate-authority-data"] = base64.StdEncoding.EncodeToString(pem)
	}
	user := map[string]any{"token": token}
	if c.spec.Type == "openshift" && !in.Admin {
		user = map[string]any{} // its user logs in at the cluster's own OAuth server
	}
	if in.Format == "zip" {
		return k.kubeconfigArchive(c, in, where, token)
	}
	return k.kubeconfigText(c, in, where, user)
}

// kubeconfigText is the document itself.
func (k *call) kubeconfigText(c *cluster, in kubeconfigRequest, where, user map[string]any) reply {
	if in.Format == "json" {
		text, err := json.Marshal(k.kubeconfigDocument(c, where, user))
		return documentReply(text, "application/json", err)
	}
	text, err := yaml.Marshal(k.kubeconfigDocument(c, where, user))
	return documentReply(text, "application/yaml", err)
}

func (k *call) kubeconfigDocument(c *cluster, where, user map[string]any) map[string]any {
	name := c.spec.Name + "/" + c.id
	return map[string]any{
		"apiVersion": "v1", "kind": "Config", "current-context": name,
		"clusters": []any{map[string]any{"name": name, "cluster": where}},
		"users":    []any{map[string]any{"name": k.caller.label(), "user": user}},
		"contexts": []any{map[string]any{"name": name, "context": map[string]any{"cluster": name, "user": k.caller.label(), "namespace": "default"}}},
	}
}

// kubeconfigArchive is laid out as clients of the real one expect it: certificates are files of their own, a user's token
// stands in an auth-provider section (an OpenShift cluster does not take it), and an administrator has a client
// certificate. Certificates need a listener that speaks TLS.
func (k *call) kubeconfigArchive(c *cluster, in kubeconfigRequest, where map[string]any, token string) reply {
	files := map[string][]byte{}
	user := map[string]any{"auth-provider": map[string]any{"name": "oidc", "config": map[string]any{
		"client-id": "bx", "client-secret": "bx", "idp-issuer-url": "https://iam.cloud.ibm.com/identity", "id-token": token,
		"refresh-token": k.w.mint(k.caller, tokenRefresh, k.w.settings.refreshTokenLife(), k.now, nil),
	}}}
	if in.Admin {
		user = map[string]any{"token": token}
	}
	folder, ending := "", ".yaml"
	if in.folder {
		folder, ending = "kubeConfig-"+c.id+"/", ".yml"
	}
	if a := authorityOf(k.r); a != nil {
		ca := "ca-" + c.scope.id.region + "-" + c.spec.Name + ".pem"
		files[ca] = a.pem
		where = map[string]any{"server": where["server"], "certificate-authority": ca}
		if in.Admin {
			certificate, key, err := a.administrator(k.caller.label(), c.id)
			if err != nil {
				return documentReply(nil, "", err)
			}
			files["admin.pem"], files["admin-key.pem"] = certificate, key
			user = map[string]any{"client-certificate": "admin.pem", "client-key": "admin-key.pem"}
		}
	}
	text, err := yaml.Marshal(k.kubeconfigDocument(c, where, user))
	if err != nil {
		return documentReply(nil, "", err)
	}
	files["kube-config-"+c.scope.id.region+"-"+c.spec.Name+ending] = text
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := z.Create(folder + name)
		if err == nil {
			_, err = f.Write(files[name])
		}
		if err != nil {
			return documentReply(nil, "", err)
		}
	}
	err = z.Close()
	return documentReply(archive.Bytes(), "application/zip", err)
}

func documentReply(text []byte, contentType string, err error) reply {
	if err != nil {
		return reply{status: http.StatusInternalServerError, raw: []byte(err.Error()), header: map[string]string{"Content-Type": "text/plain"}}
	}
	return reply{status: http.StatusOK, raw: text, header: map[string]string{"Content-Type": contentType}}
}

// rbacStatus is in no SDK of IBM's. bluemix-go reads error as a truth value; a sync that went well carries none here.
func rbacStatus(k *call) reply {
	c, refused := k.cluster(k.q("cluster"))
	if c == nil {
		return refused
	}
	return ok(map[string]any{"synchronized": !k.now.Before(c.synced)})
}
