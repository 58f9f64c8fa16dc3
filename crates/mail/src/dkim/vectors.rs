//! Signatures made by dkimpy 1.1.8, and a key that signs nothing but tests.
//!
//! dkimpy shares no code with us. Each message was signed and verified by it before it was copied here; together they
//! cover both canonical forms of header and body, folded fields, a field that is there twice, and an empty body.

/// The private half of [`RECORD`], in PKCS#8 DER and base64. Made for these tests, used nowhere.
pub(super) const KEY: &str = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCx0FuXAB54cYiNKDW+zPZPLG9vyXe1s1L3kFJZmFROD04o+OWf\
     2ALzdt+yajgoJpuuVPpT8rgk0VszndS2DHgAKFSaA6lb6Jak8uiQW56qMaA5n9e0lcOsHWNZGv631p8Uoldc/CpdcI5jPa7E2cHt\
     kxS45crRwFI+LfqYAId4qVKe1Jk25WOex1/kPbP28WC+o01Pqn8uehfMZVqtzUeDDsWdFGAxhYRkbr/NWtA0nY53fiVbrxRzQJvm\
     jzy6CYFKefuhBqTmajmkjfLllVY7HHXggBsrJm3AGBIXvP/9gLYsN2fhEAdJI8d/uKPUtHUJSGfnqyFikAIgXMNksktDAgMBAAEC\
     ggEAHLw+QO3M/sviNGWeIeJ/n5XfwGH/jYaYTtes5zu9zAufJvHqMeW3vF6mke+meZ6bpBWpiq174r9OjM3h1TW4otXhri4PTYIN\
     7kQvHz0fLAPvD8DsHAvj3km1h23cYhs2BCCkG6vIsOcCq7kJKFjEhT8ypxrDpxf8cn39tFjJi88T1e7ZU/n+oNiVKEGk56AyGAQU\
     9d3R50vxn1GHwv7a8Rx3mc5QtxbzB8wMeHSJwvLi8BrWqoaNCiS1I1yiu44EtJXK9WgHoB1BekEX/KUqO7ZoTNqTioEJoHdRhX1Q\
     7bdvccge0lGWxdm6S0RePZH9ehBpcRAauTvkTEjKAfRRYQKBgQDvkHSJoVW6ODsstIpyLJhfVaYP4huf2vm2iH8immNpEiXvwfWn\
     EfJu7aUwKPr+x21/a2ZesyWVrSCR1wj0FxPImf65bH2M1Y/gLbwcXTCgEWhGv+LIrVX0m+g819+0SR6InpNAXTG4CtqC5z6CHya5\
     WnmSzr1dOvRt/BJ2d/7H0wKBgQC+A1xVCHbrcN0gPWLVqjirvcdKMRYeBi4/TEh5X9pdSzEwAkeiAXDaqTUFXn6PFpcB/q7gnBVi\
     0J8mdd87gcEYB/6LfQB54l/C/APLa5PM73WUZkeZxWugbpaDgZcwOItWivf9l1c2h4mucU2k10RrgTkmhQKn0Uz8AJY9fDk40QKB\
     gFsms7DKWjwIuTtBVowqu69Kf2z7s1cXknwJY5Ze+AQ6i4S2YCm5gm0Crx+r+BSI/PjGfKT7tQlGXmYfU6DMRxLExU74IK09dQjv\
     XevM6Xt+JBcHW9rPWS1BRRQhb1TBnYSOEakjzI8iUhIMupP4FlvgOPHLB/I5RFe02bGJ5r9RAoGBAILAO0QELBi9NFxgAWe314FO\
     eRlzh52ncSF7c4+ZxuBVwoYfu30ecrL0ppiIOpxp1gW4ZEwI+6pglnNXvwHqup23uo/vt2knve+ljVLoNu9Zg9ZXP0PwFqxyDL53\
     aTr0XeVygU2OW6QZRkO0kdIxk1JKvLHl6zrhipEKMlgi6BlRAoGAUUuOdcevBazuTBeALxBO21YgbjuiJGbcPhC09y42iqzVaYmi\
     xNQFd4uEv6lkH5rO+9tC1jFcdefR5Vwi+ziAH1in/ggEn5xu4D3H9bu+AjUNq64oS1QMJj++E+R5A7JzR1BHjlUG8Wsfu0I2NQHr\
     XuOItHutApH2Ug6pUp67cis=";

/// The key record that all of [`SIGNED`] verify against.
pub(super) const RECORD: &str = "v=DKIM1; k=rsa; p=\
     MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAsdBblwAeeHGIjSg1vsz2Tyxvb8l3tbNS95BSWZhUTg9OKPjln9gC83bf\
     smo4KCabrlT6U/K4JNFbM53Utgx4AChUmgOpW+iWpPLokFueqjGgOZ/XtJXDrB1jWRr+t9afFKJXXPwqXXCOYz2uxNnB7ZMUuOXK\
     0cBSPi36mACHeKlSntSZNuVjnsdf5D2z9vFgvqNNT6p/LnoXzGVarc1Hgw7FnRRgMYWEZG6/zVrQNJ2Od34lW68Uc0Cb5o88ugmB\
     Snn7oQak5mo5pI3y5ZVWOxx14IAbKyZtwBgSF7z//YC2LDdn4RAHSSPHf7ij1LR1CUhn56shYpACIFzDZLJLQwIDAQAB";

/// In order: relaxed/relaxed, relaxed/simple, simple/relaxed, simple/simple, and the first two with an empty body.
pub(super) const SIGNED: [&str; 6] = [
    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=news.example;\r\n\
     \x20i=@news.example; q=dns/txt; s=k1; t=1795510570; h=from : from : to :\r\n\
     \x20subject : date : date;\r\n\
     \x20bh=0MhJtlGhT1vW1N9lxk9KpvXy7Ll4/uWnFv3c2b5A5AE=;\r\n\
     \x20b=Ay8PdZYN0HGi6EQt5reji8N0PirT2KYM6Yb5NNC8nsoAbh5yNLl0Vdnv0yIoRm7oIZbTU\r\n\
     \x20/TsyGvH/FhvQCJa753CaWjvgdPeJJQ1acWFOhjeHyuDcCreKb6+fon6swe4P3B0kjZ8NaBm\r\n\
     \x20MkQRf74HnQJzNDki6JPAzediBqUhNEBs9X7TClCQk0558xH0JKFKGM5kJGVTyVY+tbWtvTK\r\n\
     \x20MCYFsPnYxoQFXiHbzz7N2CzpQpOrnYOZZy5B+5kqN0+jVUpSJFna88zkdQ0Lx6gW0toD/QQ\r\n\
     \x20dylvXP8SMbcJV8bT4QNsrSI0yZcfq/f4CiPDIy7mk8SWl0+ju5xcC+5+6VIA==\r\n\
     From: The  Desk <desk@news.example>\r\n\
     To: ana@example.org\r\n\
     Subject: A \t folded\r\n\
     \t subject  \r\n\
     X-Unsigned: yes\r\n\
     Subject: second\r\n\
     Date: Mon, 23 Nov 2026 06:00:00 +0000\r\n\
     \r\n\
     Hello  \t there \r\n\
     \r\n\
     \x20. \r\n\
     end\r\n\
     \r\n\
     \r\n",
    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/simple; d=news.example;\r\n\
     \x20i=@news.example; q=dns/txt; s=k1; t=1795510570; h=from : from : to :\r\n\
     \x20subject : date : date;\r\n\
     \x20bh=FEmWSWL0kL+/VLwf/SsKOnkSyUcH9Cl9vgajVNaEDLA=;\r\n\
     \x20b=qwGI4N1UWK/WuM7qIiQdNoABv8kGlrAgHCdKOKoqWhdRb7/AFhcHC1SijqQd/hTTIYqvi\r\n\
     \x20tcoDleUGIJLg7VgVmj1oi6Ewaf0RGgNkfUMyjUMouJTMI11seEPchgipvc1XoYU+x/juCz+\r\n\
     \x200AOdpuDWuSEjprA9UtpmopyXmJOHkzrY4EpFc/k1RXS8Khh+W2IoQarL34ir30y/CczUUiI\r\n\
     \x201z/V2ZdvSHBMihFyvAunzyiNibMzB2QdCfd4ibnvAaK7NaPxjWHlERCgjpr5gZ4EhdX2mjF\r\n\
     \x209IjIrPyAdu4MOE0w0uGNqVyrSuMNtUkWTOdIjtpIx8CSEsjgyH/IT+OKwAJQ==\r\n\
     From: The  Desk <desk@news.example>\r\n\
     To: ana@example.org\r\n\
     Subject: A \t folded\r\n\
     \t subject  \r\n\
     X-Unsigned: yes\r\n\
     Subject: second\r\n\
     Date: Mon, 23 Nov 2026 06:00:00 +0000\r\n\
     \r\n\
     Hello  \t there \r\n\
     \r\n\
     \x20. \r\n\
     end\r\n\
     \r\n\
     \r\n",
    "DKIM-Signature: v=1; a=rsa-sha256; c=simple/relaxed; d=news.example;\r\n\
     \x20i=@news.example; q=dns/txt; s=k1; t=1795510570; h=from : from : to :\r\n\
     \x20subject : date : date;\r\n\
     \x20bh=0MhJtlGhT1vW1N9lxk9KpvXy7Ll4/uWnFv3c2b5A5AE=;\r\n\
     \x20b=ciyVP4hsjp0KoyENx3K14qO+Z83zKe1BXwFMeORdl23+JHLx/SS3Wz7Sm8ehWoD7BI91D\r\n\
     \x20+SaaMMJ28UV2enKDwewBV8hPDLzDKsBCYC6uK+iTiLgDnVAv/sGyq+c4uHiT8ue9O5pkfoS\r\n\
     \x20A3onc6Pl+M6ZVnbMWUhIRRgpJYD1BFyAHn4zdqtWCgpVNy2gJEqsY3OrDkj4TeA6XxyzF90\r\n\
     \x20ofD4qMtRxoB86ZlIfebRTiakDXNDIHpjy6jUIk8C8NiQMS1MoK1eVNlhvejX90iwff3KIIk\r\n\
     \x20G+TBB8ZCQJm5yi4KgZmGBj2eIqRnYXBBCPNNKBHLwil5x8vC9wHjVCKR9rKQ==\r\n\
     From: The  Desk <desk@news.example>\r\n\
     To: ana@example.org\r\n\
     Subject: A \t folded\r\n\
     \t subject  \r\n\
     X-Unsigned: yes\r\n\
     Subject: second\r\n\
     Date: Mon, 23 Nov 2026 06:00:00 +0000\r\n\
     \r\n\
     Hello  \t there \r\n\
     \r\n\
     \x20. \r\n\
     end\r\n\
     \r\n\
     \r\n",
    "DKIM-Signature: v=1; a=rsa-sha256; c=simple/simple; d=news.example;\r\n\
     \x20i=@news.example; q=dns/txt; s=k1; t=1795510570; h=from : from : to :\r\n\
     \x20subject : date : date;\r\n\
     \x20bh=FEmWSWL0kL+/VLwf/SsKOnkSyUcH9Cl9vgajVNaEDLA=;\r\n\
     \x20b=fnN8v69VkwUPi6uSaD22GTgw2F/MNu5+NbsJlTLGGS1FFMnej4c/9IrEb/e+Gv9q/ulHZ\r\n\
     \x201xcO6FGOQguAE379asfSfA4AFHFbXnhvf1VOL8IubWHj7QPD+xoy/1zwc9AjZR8ZJSj4h3f\r\n\
     \x204yDNhvL6/K17R5X8/9U7ePdUvl9ii/FP6ZtAPj/STbqTn5vrCXGDFxhE9OkKDr52xoem+Rk\r\n\
     \x20D9hPbS52bhXfPxk8W/AqPe3akAN5yLSO8FLbbY7lf0HH6Rytn6Mpn2yWsa2RLE06YI3OI3I\r\n\
     \x203xYklHyu7BpYmGlhveCi2ddP3uGXrC4Wqph3x8S3HBnuOihMvWLdhMTS5TYg==\r\n\
     From: The  Desk <desk@news.example>\r\n\
     To: ana@example.org\r\n\
     Subject: A \t folded\r\n\
     \t subject  \r\n\
     X-Unsigned: yes\r\n\
     Subject: second\r\n\
     Date: Mon, 23 Nov 2026 06:00:00 +0000\r\n\
     \r\n\
     Hello  \t there \r\n\
     \r\n\
     \x20. \r\n\
     end\r\n\
     \r\n\
     \r\n",
    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=news.example;\r\n\
     \x20i=@news.example; q=dns/txt; s=k1; t=1795510570; h=from;\r\n\
     \x20bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;\r\n\
     \x20b=W7Fy9mGEWNlh49VQ5b+P4h5FLUDU+Wtiwkg3B7/soaK2GM8mP5T2e9iheC/uECIkX9ymE\r\n\
     \x20PWqOqtfKZysydwhgjpeyOZ0cFq1vJvxshklVgHKwP9GGco91ad4OgA8QEnctpOa+jdo8lQ4\r\n\
     \x20WQr4V446WdoQ1rpUCBxxtpypic3tSeCa7FfdT3VEYxP7wnM/BwOOPx6Pt8Lvh7VBnrYTG6g\r\n\
     \x20rt/YkmMIIrqfmX4meDoo7OEntojyQDolhaJ0+tE+W56P3PzKY9Y06FebA7Rsc2epSp4KP6L\r\n\
     \x20NVWyBss9ojkVKn4a//gkF+YjmRPHuHKI4fyC3pvJFDFkaBZ7p+R5B4ICX0vA==\r\n\
     From: a@news.example\r\n\
     \r\n",
    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/simple; d=news.example;\r\n\
     \x20i=@news.example; q=dns/txt; s=k1; t=1795510570; h=from;\r\n\
     \x20bh=frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=;\r\n\
     \x20b=TU2VHv5NmB3mOVref1ioTG5TqoCS3Ajz5ru2X4qVlZkhQITGN29XOgMY6vvUTMM3cssmO\r\n\
     \x201eDYsGkAg72YN7uWkhvqaiNnmKpOE5FgsmN7ZjNrwi1m/+ap3/SI2To6r0u/MLt/s0DT06T\r\n\
     \x20yYUrsOifTxcbfUuVPTfqvGDYdByjPWxKD2kvHG4dXos5OQ1YzIFUp+INr5IWYxAMBHe/Xtx\r\n\
     \x20lVaW3+b7PWABebJ47AJJjmqW2VIYM4SmqIUQhmVnJJEdRhCL9BVtC/HV3VFS9roZbAGj1pH\r\n\
     \x20FlkPb0lPJK1TVCMw/DU0lUsm6VCbblxwabNxikJtmNECo0s/iD7HBa7bdVjQ==\r\n\
     From: a@news.example\r\n\
     \r\n",
];
