package relay

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/caller"
	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/store"
)

// credentials is the answer of listClusterUserCredential, in Azure's words.
type credentials struct {
	Connection  connection   `json:"hybridConnectionConfig"`
	Kubeconfigs []kubeconfig `json:"kubeconfigs"`
}

type connection struct {
	Relay      string `json:"relay"`
	Name       string `json:"hybridConnectionName"`
	Token      string `json:"token"`
	Expiration int64  `json:"expirationTime"`
	TenantID   string `json:"relayTid"`
	Type       string `json:"relayType"`
}

type kubeconfig struct {
	Name  string `json:"name"`
	Value string `json:"value"` // base64
}

// Credential answers listClusterUserCredential for the caller in ctx, who may do that: with what a program between kubectl
// and the hub needs, and a kubeconfig for those who need no program.
func (s *Server) Credential(ctx context.Context, stored store.Resource, request []byte) (any, error) {
	mode, err := methodOf(request)
	if err != nil {
		return nil, err
	}
	principal, ok := access.PrincipalFrom(ctx)
	if !ok {
		return nil, fairlead.Errorf(fairlead.Unauthenticated, "it is not known who asks")
	}
	id, err := fairlead.ParseResourceID(stored.ID)
	if err != nil {
		return nil, fmt.Errorf("stored id %s: %s", stored.Key, err.Error())
	}
	token, expiry, err := s.relayTokenFor(principal, id, mode)
	if err != nil {
		return nil, err
	}
	config, err := s.kubeconfig(id)
	if err != nil {
		return nil, err
	}
	return credentials{
		Connection:  connection{Relay: s.URL, Name: id.String(), Token: token, Expiration: expiry, TenantID: s.TenantID, Type: "Fairlead"},
		Kubeconfigs: []kubeconfig{{"clusterUser", base64.StdEncoding.EncodeToString(config)}},
	}, nil
}

// methodOf reads with whose rights the caller wants to come. The credentials are the same with and without clientProxy.
func methodOf(request []byte) (caller.Mode, error) {
	var asked struct {
		Method      string `json:"authenticationMethod"`
		ClientProxy bool   `json:"clientProxy"`
	}
	if len(request) > 0 {
		if err := json.Unmarshal(request, &asked); err != nil {
			return "", fairlead.Errorf(fairlead.Invalid, "the request body is not the JSON expected here: %w", err).WithCode("InvalidRequestContent")
		}
	}
	switch strings.ToLower(asked.Method) {
	case "", "aad":
		return caller.AAD, nil
	case "token":
		return caller.Token, nil
	}
	return "", fairlead.Errorf(fairlead.Invalid, "The authentication method '%.32s' is not one of AAD and Token.", asked.Method).WithCode("InvalidRequestContent")
}

// kubeconfig points kubectl at the hub, as the way to one cluster.
func (s *Server) kubeconfig(id fairlead.ResourceID) ([]byte, error) {
	type object = map[string]any
	user, cluster := "clusterUser_"+id.ResourceGroup+"_"+id.Name(), object{"server": s.URL + "/" + Prefix + id.String()}
	if authorities := s.Trust(); authorities != "" {
		cluster["certificate-authority-data"] = base64.StdEncoding.EncodeToString([]byte(authorities))
	}
	text, err := yaml.Marshal(object{
		"apiVersion": "v1", "kind": "Config", "preferences": object{}, "current-context": id.Name(),
		"clusters": []object{{"name": id.Name(), "cluster": cluster}},
		"users":    []object{{"name": user, "user": object{}}},
		"contexts": []object{{"name": id.Name(), "context": object{"cluster": id.Name(), "user": user}}},
	})
	if err != nil {
		return nil, fmt.Errorf("write a kubeconfig: %w", err)
	}
	return text, nil
}
