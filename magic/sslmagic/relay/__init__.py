"""The data plane: an epoll loop per worker, pairs of connections, and who joins them.

Supervisor -> Worker -> Loop -> Acceptor -> VirtualServer -> Connector -> pair
(processes)  (one each)                     Gateway, Node    (a node)     (relaying)
"""
